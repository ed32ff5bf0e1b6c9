"""JSON-RPC 2.0 as the Model Context Protocol speaks it: messages, and what is wrong with them."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.http.request import decoded
from api.http.wording import wrong
from domain.errors import Invalid

Json = dict[str, Any]

# https://www.jsonrpc.org/specification#error_object
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

# https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022


class Wrong(Exception):  # noqa: N818 - an answer too
    """Becomes the error of an answer."""

    def __init__(self, code: int, message: str, data: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.error = {"code": code, "message": message} | ({"data": data} if data else {})


class Message(Struct, frozen=True):
    """A request has an id, a notification has none; what has no method is a response."""

    jsonrpc: Literal["2.0"]
    method: str | None = None
    id: str | int | float | UnsetType = UNSET
    params: Any = UNSET
    result: Any = UNSET
    error: Any = UNSET

    @property
    def wants_answer(self) -> bool:
        return self.method is not None and self.id is not UNSET


def read(body: bytes) -> Any:
    try:
        return decoded(body, Any)
    except Invalid:
        raise Wrong(PARSE_ERROR, "The body is not JSON.") from None


def message(given: Any) -> Message:
    try:
        heard = msgspec.convert(given, Message)
    except msgspec.ValidationError as e:
        raise Wrong(INVALID_REQUEST, ": ".join(wrong(str(e)))) from None
    if heard.method is None and (heard.result, heard.error) == (UNSET, UNSET):
        raise Wrong(INVALID_REQUEST, "A request has a method and an id.")
    return heard


def params(heard: Message, type_: Any) -> Any:
    """As a method takes them."""
    try:
        return msgspec.convert({} if heard.params is UNSET else heard.params, type_)
    except msgspec.ValidationError as e:
        raise Wrong(INVALID_PARAMS, ": ".join(wrong(str(e), type_))) from None


def answer(heard: Message, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": heard.id, "result": result}


def error(e: Wrong, heard: Message | None = None) -> Json:
    return {"jsonrpc": "2.0", "id": heard.id if heard else None, "error": e.error}
