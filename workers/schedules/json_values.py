"""JSON, decoded as a whole and then converted piece by piece, so that errors name the place."""

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from domain.errors import Invalid

T = TypeVar("T")
OBJECTS = 300_000  # at most; a large conference has some thousands
BYTE = re.compile(r" \(byte (\d+)\)$")
PATH = re.compile(r" - at `\$(.*)`$")


def parse(data: bytes) -> Any:
    """Raises Invalid with line and column."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        data = _utf16(data)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if max(data.count(b"{"), data.count(b"[")) > OBJECTS:
        raise Invalid("", ("the file", f"has more than {OBJECTS} objects or lists"))
    try:
        data.decode("utf-8")
        return msgspec.json.decode(data)
    except UnicodeDecodeError as error:
        raise Invalid("", (_place(data, error.start), "is no UTF-8")) from None
    except msgspec.ValidationError as error:  # a number that nothing can hold
        raise Invalid("", _refused("$", error)) from None
    except msgspec.DecodeError as error:
        raise Invalid("", _malformed(data, str(error))) from None
    except RecursionError:
        raise Invalid("", ("the file", "is nested too deeply")) from None


def _utf16(data: bytes) -> bytes:
    try:
        return data.decode("utf-16").encode("utf-8")
    except UnicodeError as error:
        raise Invalid("", ("the file", f"is no UTF-16: {error}"[:200])) from None


def _malformed(data: bytes, message: str) -> tuple[str, str]:
    at = BYTE.search(message)
    offset = int(at[1]) if at else len(data)
    return _place(data, offset), f"is no JSON: {BYTE.sub('', message)}"


def _place(data: bytes, offset: int) -> str:
    before = data[:offset]
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    line = before.count(b"\n") + 1
    return f"line {line}, column {column}"


def converted(value: object, shape: type[T], where: str) -> T:
    """The value as this type. Raises Invalid with the path of what does not fit."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise Invalid("", _refused(where, error)) from None


def _refused(where: str, error: msgspec.ValidationError) -> tuple[str, str]:
    path = PATH.search(str(error))
    return where + (path[1] if path else ""), PATH.sub("", str(error))


def rows(value: object, shape: type[T], where: str) -> Iterator[tuple[str, T]]:
    """The elements of a list, each behind its path."""
    for i, row in enumerate(converted(value, list[Any], where)):
        at = f"{where}[{i}]"
        yield at, converted(row, shape, at)


def localized(value: object, language: str = "en") -> str:
    """The text in this language, or in any, if it is in several: `{"en": ..., "de": ...}`."""
    if isinstance(value, dict):
        value = value.get(language) or next((text for text in value.values() if text), "")
    return value if isinstance(value, str) else ""
