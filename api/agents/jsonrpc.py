"""JSON-RPC 2.0 as the Model Context Protocol uses it: messages, and errors in them."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from api.http.request import decoded
from api.http.wording import field_error
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


class RpcError(Exception):
    """An error that is the answer to a message."""

    def __init__(self, code: int, message: str, data: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.error = {"code": code, "message": message} | ({"data": data} if data else {})


class Message(Struct, frozen=True):
    """A request has a method and an id, a notification a method only, a response no method."""

    jsonrpc: Literal["2.0"]
    method: str | None = None
    id: str | int | float | UnsetType = UNSET
    params: Any = UNSET
    result: Any = UNSET
    error: Any = UNSET

    @property
    def is_request(self) -> bool:
        return self.method is not None and self.id is not UNSET


def parse(body: bytes) -> Any:
    """Raises RpcError for what is not JSON."""
    try:
        return decoded(body, Any)
    except Invalid:
        raise RpcError(PARSE_ERROR, "The body is not JSON.") from None


def message(value: Any) -> Message:
    """Raises RpcError for JSON that is no message."""
    try:
        found = msgspec.convert(value, Message)
    except msgspec.ValidationError as e:
        raise RpcError(INVALID_REQUEST, ": ".join(field_error(str(e)))) from None
    if found.method is None and (found.result, found.error) == (UNSET, UNSET):
        raise RpcError(INVALID_REQUEST, "A request has a method and an id.")
    return found


def params(request: Message, type_: Any) -> Any:
    """The parameters of a method, as its type. Raises RpcError for others."""
    try:
        return msgspec.convert({} if request.params is UNSET else request.params, type_)
    except msgspec.ValidationError as e:
        raise RpcError(INVALID_PARAMS, ": ".join(field_error(str(e), type_))) from None


def response(request: Message, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": request.id, "result": result}


def error_response(e: RpcError, request: Message | None = None) -> Json:
    """Without an id where the message could not be read."""
    return {"jsonrpc": "2.0", "id": request.id if request else None, "error": e.error}
