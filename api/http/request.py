"""A request, as handlers see it: `user` is its principal, the body is decoded strictly."""

from functools import cache
from typing import Any

import msgspec
from litestar import Request as LitestarRequest
from litestar.exceptions import HTTPException

from api.http.principal import Principal
from api.http.wording import wrong
from domain.errors import Invalid, Problem

FLOAT = "got `float`"  # as msgspec says it


class ClientDisconnected(Problem):
    """Whoever asked hung up in the middle of the request"""

    status = 499  # nobody is there to read it


class Request(LitestarRequest[Principal, Any, Any]):
    """Litestar decodes a body without its type, and would then take "10" for a number."""

    async def json(self) -> Any:
        data = self.route_handler.parsed_data_field
        assert data  # noqa: S101 - only those that take one ask for it
        return decoded(await self.body(), data.raw)

    def single(self, name: str) -> str | None:
        """The value of a header that may come once. Raises Invalid where it comes again."""
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
    """Raises Invalid, with the path of what is wrong."""
    try:
        try:
            return _decoder(type_).decode(body)
        except msgspec.ValidationError as e:
            if FLOAT not in str(e):
                raise
            return msgspec.convert(_whole(msgspec.json.decode(body)), type_)
    except msgspec.ValidationError as e:
        raise Invalid("", wrong(str(e), type_)) from None
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
        raise Invalid("", wrong(str(e), type_)) from None


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 1.0 is as whole as 1."""
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
