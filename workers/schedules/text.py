"""Texts as people wrote them, made fit to keep: plain, in normal form, and of bounded length."""

import html
import re
import unicodedata
from collections.abc import Iterator

LINE = 200  # titles, names, rooms, tracks
TEXT = 20_000  # the longest abstract of FOSDEM 2025 has 11,689
URL = 2_000
MARKED_UP = 6 * TEXT  # beyond this, nothing of a text is looked at

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
# An end that is missing is the end of the text: so each of these is read in one go.
UNSHOWN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.I)
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "dd",
        "div",
        "dl",
        "dt",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "big",
        "br",
        "center",
        "cite",
        "code",
        "del",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "mark",
        "q",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
        "var",
    ]
)
# Only what HTML has counts as a tag: `vector<int>` stays.
TAG = re.compile(r"<(/?)({})\b[^<>]*+>".format("|".join(BLOCKS | INLINE)), re.I)
HTTP = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")
WITH_PARAGRAPHS = BLOCKS | {"br"}


def has_control(text: str) -> bool:
    return CONTROL.search(_newlines(text)) is not None


def line(text: str) -> str:
    """On one line, without control characters."""
    return _normal(" ".join(CONTROL.sub("", _newlines(text)).split()))


def plain(text: str) -> str:
    """Text of several lines. HTML loses its tags; line ends of what is no HTML stay as they are."""
    text = UNSHOWN.sub("", text[:MARKED_UP])
    if any(found[2].lower() in WITH_PARAGRAPHS for found in TAG.finditer(text)):
        text = "".join(_paragraphs(text))
    else:
        text = TAG.sub("", text)
    text = ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return _normal(_spaced(CONTROL.sub("", _newlines(text))))


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def url(text: str) -> str:
    """The address, where it is one that a browser may open, else nothing."""
    text = text.strip()
    return text if len(text) <= URL and HTTP.fullmatch(text) else ""


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _normal(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _paragraphs(text: str) -> Iterator[str]:
    """White space is one space, but in <pre>; blocks stand apart from each other."""
    at, kept = 0, 0
    for tag in TAG.finditer(text):
        yield _run(text[at : tag.start()], kept > 0)
        name, opens = tag[2].lower(), not tag[1]
        if name == "pre":
            kept = kept + 1 if opens else max(0, kept - 1)
        yield _break(name, opens)
        at = tag.end()
    yield _run(text[at:], kept > 0)


def _run(text: str, kept: bool) -> str:
    return text if kept else re.sub(r"[ \t\r\n\f]+", " ", text)


def _break(name: str, opens: bool) -> str:
    if name == "li":
        return "\n- " if opens else ""
    if name in {"br", "tr"}:
        return "\n" if opens else ""
    if name in {"td", "th"}:
        return " "
    return "\n\n" if name in BLOCKS else ""


def _spaced(text: str) -> str:
    """No spaces at the end of a line, none at the start but to indent, one empty line at most."""
    lines: list[str] = []
    for row in text.split("\n"):
        row = row.rstrip()
        if row or (lines and lines[-1]):
            lines.append(row[1:] if row[:1] == " " and row[1:2] != " " else row)
    return "\n".join(lines).strip()
