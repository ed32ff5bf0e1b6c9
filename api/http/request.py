"""A request, as handlers see it: `user` is its principal, the body is decoded strictly."""

from functools import cache
from typing import Any

import msgspec
from litestar import Request as LitestarRequest
from litestar.exceptions import HTTPException

from api.http.principal import Principal
from api.http.wording import field_error
from domain.errors import Invalid, Problem

FLOAT = "got `float`"  # as msgspec says it


class ClientDisconnected(Problem):
    """Whoever asked hung up in the middle of the request"""

    status = 499  # as nginx logs it; nobody is there to read the answer


class Request(LitestarRequest[Principal, Any, Any]):
    """Decodes bodies by their type. Litestar does it without, and takes "10" for a number."""

    async def json(self) -> Any:
        data = self.route_handler.parsed_data_field
        assert data  # noqa: S101 - only those that take one ask for it
        return decoded(await self.body(), data.raw)

    def single(self, name: str) -> str | None:
        """The value of a header that may come once. Raises Invalid if it comes twice."""
        value = self.headers.get(name)
        if value is not None and len(self.headers.getall(name)) > 1:
            raise Invalid("", (name, "came more than once"))
        return value

    async def body(self) -> bytes:
        try:
            return await super().body()
        except HTTPException as e:
            if e.status_code < 500:
                raise
            raise ClientDisconnected from None


def decoded(body: bytes, type_: Any) -> Any:
    """JSON as this type. Raises Invalid with the path of what does not fit."""
    try:
        try:
            return _decoder(type_).decode(body)
        except msgspec.ValidationError as e:
            if FLOAT not in str(e):
                raise
            return msgspec.convert(_whole(msgspec.json.decode(body)), type_)
    except msgspec.ValidationError as e:
        raise Invalid("", field_error(str(e), type_)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Invalid("", ("$", f"is not JSON: {e}")) from None


def converted(value: Any, type_: Any) -> Any:
    """The same as `decoded`, for JSON that is already dicts and lists."""
    try:
        try:
            return msgspec.convert(value, type_)
        except msgspec.ValidationError as e:
            if FLOAT not in str(e):
                raise
            return msgspec.convert(_whole(value), type_)
    except msgspec.ValidationError as e:
        raise Invalid("", field_error(str(e), type_)) from None


def _whole(value: Any) -> Any:
    """The value with 1 for 1.0: JSON has one kind of number, and both are integers in it."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(item) for item in value]
        case dict():
            return {key: _whole(item) for key, item in value.items()}
    return value


@cache
def _decoder(type_: Any) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(type_)
