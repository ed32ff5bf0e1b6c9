"""Remarks on a file, by line and column."""

from msgspec import Struct

from domain.errors import Invalid

THE_FILE = "the file"


class Remark(Struct, frozen=True):
    """`line` is that on which a row begins, from 1; in JSON its place in the list, from 1. `column`
    is named as in the file; empty where the whole row is meant."""

    line: int
    column: str
    message: str


class Oddity(Struct, frozen=True):
    """Something that was taken otherwise than it was written, or left out, and where."""

    where: str
    what: str


def broken(what: str, where: str = THE_FILE) -> Invalid:
    return Invalid("", (where, what))


def quoted(text: str) -> str:
    """The text as it may stand in a sentence."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:200]).split())
    return f"`{line[:60]}…`" if len(line) > 60 else f"`{line}`"
