"""Cells and JSON values as values of a profile, within the bounds that the API has for these."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from domain import texts

LINE, URL, EMAIL, TAGS = 200, 2_000, 254, 100  # characters, and of tags how many
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MEMBER_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
IS_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]+")
IS_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f-\x9f,;<>]+@[^@\s\x00-\x1f\x7f-\x9f,;<>]+")
# What a spreadsheet takes for a formula, and exports defuse with an apostrophe before it.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
DEFUSED = re.compile(r"'+[=+\-@\t\r]")
YES = frozenset(("yes", "y", "true", "1", "x", "ja", "oui", "si", "sí", "sim", "da", "✓"))
NO = frozenset(("no", "n", "false", "0", "nein", "non", "nee", "não", "nao", "ne", ""))
VISIBLE = {
    **dict.fromkeys(("listed", "visible", "public", "shown", *YES), "listed"),
    **dict.fromkeys(("hidden", "private", "invisible", *(NO - {""})), "hidden"),
}


class WrongError(Exception):
    """A cell cannot be taken: why, and what to do"""


def text(cell: str) -> str:
    """A cell as people meant it: without the apostrophe that defuses a formula."""
    plain = tidy(cell)
    return plain[1:] if plain.startswith("'") and DEFUSED.match(plain) else plain


def tidy(value: str) -> str:
    plain = value.strip(" \t\r\n\u00a0\ufeff")
    if "\r" in plain:
        plain = plain.replace("\r\n", "\n").replace("\r", "\n")
    return plain if plain.isascii() else texts.normalised(plain)


def line(value: str) -> str:
    if found := CONTROL.search(value):
        raise WrongError(f"holds the control character U+{ord(found[0]):04X}: remove it")
    if len(value) > LINE:
        raise WrongError(f"has {len(value):,} characters, of which {LINE} are the most: shorten it")
    return value


def url(value: str) -> str:
    if not IS_URL.fullmatch(value):
        raise WrongError("is no address that begins with https://: correct it, or leave it empty")
    if len(value) > URL:
        raise WrongError(f"is longer than {URL:,} characters: leave it empty")
    return value


def email(value: str) -> str:
    plain = value.removeprefix("mailto:")
    if not IS_EMAIL.fullmatch(plain) or len(plain) > EMAIL:
        raise WrongError("is no e-mail address: write it as name@example.org, one in a cell")
    return plain


def member_id(value: str) -> str:
    if not MEMBER_ID.fullmatch(value):
        raise WrongError("is no id, which is 1 to 128 of A-Z a-z 0-9 _ - . : correct it")
    return value


def tags(value: str) -> tuple[str, ...]:
    """With semicolons between, else `|`, else commas, else lines. `\\;` is a semicolon in a tag."""
    return checked_tags(tidy(one) for one in _split(value))


def checked_tags(values: Iterable[str]) -> tuple[str, ...]:
    """Each once, in their order."""
    found = tuple(dict.fromkeys(line(one) for one in values if one))
    if len(found) > TAGS:
        raise WrongError(
            f"lists {len(found):,}, of which {TAGS} are the most: keep those that matter"
        )
    return found


def _split(value: str) -> Iterator[str]:
    if ";" in value:
        pieces = re.findall(r"(?:\\[\\;]|[^;])+", value)
        yield from (re.sub(r"\\([\\;])", r"\1", piece) for piece in pieces)
        return
    yield from value.split(next((s for s in "|,\n" if s in value), "\n"))


def joined(values: Iterable[str]) -> str:
    """The opposite of `tags`."""
    escaped = [re.sub(r"([\\;])", r"\\\1", value) for value in values]
    alone = len(escaped) == 1 and re.search(r"[|,\n\\]", escaped[0])
    return "; ".join(escaped) + (";" if alone else "")


def flag(value: str) -> bool:
    word = value.casefold()
    if word in YES:
        return True
    if word in NO:
        return False
    raise WrongError("is neither yes nor no: write one of these")


def visibility(value: str) -> str:
    found = VISIBLE.get(value.casefold())
    if found is None:
        raise WrongError("is neither `listed` nor `hidden`: write one of these")
    return found


def defused(value: str) -> str:
    """For a spreadsheet, which would take it for a formula."""
    return f"'{value}" if FORMULA.match(value) else value


def plain_texts(value: Any) -> tuple[str, ...]:
    """The texts in a JSON value that is one, a number, or a list of these."""
    if value is None:
        return ()
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if isinstance(value, str | int | float):
        return (str(value),)
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return tuple(map(str, value))
    raise WrongError("is neither a text nor a list of texts: write it as one")
