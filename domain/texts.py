"""Texts in Unicode normal form (NFC), in a time that does not grow faster than they do.

To normalise a run of combining marks takes the square of its length, and nothing else of the
process runs meanwhile. So a run is 30 marks at most, the bound of the Stream-Safe Text Format
(https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format): no language needs as many.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

MARKS = 30  # combining marks in a row
PLANES = 0x300, 0x20000  # where they are
# Of class 0 themselves, though what they are taken apart into is not.
TAKEN_APART = "\u0f73\u0f75\u0f81"


def normalised(text: str) -> str:
    """The text in NFC, without the marks of a run that are too many."""
    return text if text.isascii() else unicodedata.normalize("NFC", _runs().sub(_cut, text))


def has_too_many_marks(text: str) -> bool:
    """Whether more than MARKS combining marks stand in a row."""
    return not text.isascii() and _runs().search(text) is not None


def _cut(run: re.Match[str]) -> str:
    return run[0][:MARKS]


@cache
def _runs() -> re.Pattern[str]:
    return re.compile(f"[{''.join(_marks())}]{{{MARKS + 1},}}")


def _marks() -> Iterator[str]:
    """Ranges of a character class."""
    start = None
    for code in range(*PLANES):
        if _is_mark(chr(code)):
            start = code if start is None else start
        elif start is not None:
            yield f"{chr(start)}-{chr(code - 1)}"
            start = None


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) > 0 or character in TAKEN_APART
