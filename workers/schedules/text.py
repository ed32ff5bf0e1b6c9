"""Cleans texts: plain, in Unicode normal form (NFC), and of bounded length."""

import html
import re

from domain.texts import normalised
from workers.schedules.markup import without_tags

# Upper bounds, in characters.
LINE = 200  # titles, names, rooms, tracks
TEXT = 20_000  # the longest abstract of FOSDEM 2025 has 11,689
URL = 2_000
MARKED_UP = 6 * TEXT  # the rest of a longer text is not read

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
HTTP = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")


def has_control(text: str) -> bool:
    return CONTROL.search(_newlines(text)) is not None


def line(text: str) -> str:
    """The text on one line, without control characters."""
    return normalised(" ".join(CONTROL.sub("", _newlines(text)).split()))


def plain(text: str) -> str:
    """The text on several lines. HTML loses its tags; other text keeps its line ends."""
    text = without_tags(text[:MARKED_UP])
    text = ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return normalised(_spaced(CONTROL.sub("", _newlines(text))))


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def url(text: str) -> str:
    """The address if it is http or https, else an empty text."""
    text = text.strip()
    return text if len(text) <= URL and HTTP.fullmatch(text) else ""


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _spaced(text: str) -> str:
    """Removes spaces at the ends of lines, a single one at the start, and repeated empty lines."""
    lines: list[str] = []
    for row in text.split("\n"):
        row = row.rstrip()
        if row or (lines and lines[-1]):
            lines.append(row[1:] if row[:1] == " " and row[1:2] != " " else row)
    return "\n".join(lines).strip()
