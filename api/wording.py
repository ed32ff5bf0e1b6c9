"""What is wrong with a field, in words: msgspec says it of types and patterns."""

import re

from api.shapes import ID, LAST_POSITION, NO_CONTROL, POSITION, URL

LONGEST = 300  # characters; some of it was sent to us
PLACE = re.compile(r"(.*) - at `(?:key in )?(.+)`\Z", re.DOTALL)

WORDS = {
    ID: "must be 1-128 of A-Z a-z 0-9 _ - .",
    NO_CONTROL: "must hold no control characters but tab and newline",
    POSITION: "must be a position: a whole number from 0",
    LAST_POSITION: "must be a position: a whole number from 0",
    URL: "must be an http or https address",
}


def wrong(said: str) -> tuple[str, str]:
    """(path, message), from `message - at path`."""
    message, path = found.groups() if (found := PLACE.match(said)) else (said, "$")
    for pattern, words in WORDS.items():
        if repr(pattern) in message:
            message = words
    return path[:LONGEST], message[:LONGEST]
