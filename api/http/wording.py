"""Words for what is wrong with a field, in place of msgspec's, which name types and patterns."""

import re
from functools import cache
from typing import Any

import msgspec

from api.http.fields import EMAIL, HTTPS, ID, LAST_POSITION, NO_CONTROL, OF_LINK, POSITION, URL

LONGEST = 300  # characters of a path or message, which may quote the request
PLACE = re.compile(r"(.*) - at `(?:key in )?(.+)`\Z", re.DOTALL)

WORDS = {
    ID: "must be 1-128 of A-Z a-z 0-9 _ - .",
    NO_CONTROL: "must hold no control characters but tab and newline",
    POSITION: "must be a position: a whole number from 0",
    LAST_POSITION: "must be a position: a whole number from 0, or the id of a message",
    OF_LINK: "must be the 43 characters that the link ends with",
    URL: "must be an http or https address",
    HTTPS: "must be an https address",
    EMAIL: "must be a mail address",
}


def field_error(text: str, body: Any = None) -> tuple[str, str]:
    """(path, message), from msgspec's `message - at path`. `body` is the type that was decoded, for
    the choices of an enum."""
    message, path = found.groups() if (found := PLACE.match(text)) else (text, "$")
    for pattern, words in WORDS.items():
        if repr(pattern) in message:
            message = words
    if message.startswith("Invalid enum value") and (choices := _choices(body).get(_field(path))):
        message = f"must be one of {', '.join(choices)}"
    return path[:LONGEST], message[:LONGEST]


def _field(path: str) -> str:
    return path.rpartition(".")[2]


@cache
def _choices(body: Any) -> dict[str, list[str]]:
    """The values of each field that is an enum, by name."""
    _, shapes = msgspec.json.schema_components([body])
    fields = (field for shape in shapes.values() for field in shape.get("properties", {}).items())
    return {name: [*map(str, schema["enum"])] for name, schema in fields if "enum" in schema}
