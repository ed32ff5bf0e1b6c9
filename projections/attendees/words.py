"""Texts of people, as they are compared and searched: without case, accents and hyphens."""

import re
import unicodedata
from collections.abc import Iterable

# Letters that are no letter with an accent, and are typed as one.
PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}  # noqa: RUF001 - it is meant
)
WORD = re.compile(r"[^\W_]+")
GAP = re.compile(r"[\s_\-\u2010-\u2015]+")
LONGEST = 20_000  # letters of one person that are searched
FORGIVING = range(4, 25)  # letters of a word of which one may be wrong
MOST = 8  # words of a search
LETTERS = 40  # of a word of a search


def folded(text: str) -> str:
    """The text in lower case, without accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare.casefold().translate(PLAIN))


def key(text: str) -> str:
    """Two spellings of a tag, a company or a role have it in common; "" where nothing is left."""
    return GAP.sub(" ", folded(text)).strip()


def words(text: str) -> list[str]:
    return WORD.findall(folded(text))


def searched(texts: Iterable[str]) -> str:
    """The words of texts, each once, with a space before and after each."""
    found = dict.fromkeys(word for text in texts for word in words(text))
    return f" {' '.join(found)} "[:LONGEST] if found else ""


def _one_wrong(word: str) -> str:
    """A regular expression for all words that differ from this in one letter: it is another, one
    too many, one too few, or changed places with the next."""
    either = []
    for i, letter in enumerate(word):
        either.append(f"{word[:i]}[^ ]?{letter}?{word[i + 1 :]}")
        if i:
            either.append(f"{word[: i - 1]}{letter}{word[i - 1]}{word[i + 1 :]}")
    return "|".join(either) + f"|{word}[^ ]"


def beginnings(q: str) -> list[str]:
    """Patterns of LIKE that `searched` texts must all match, the longest word's first: each word
    that was typed begins one of theirs."""
    return [f"% {word}%" for word in _asked(q)]


def forgiving(q: str) -> list[str]:
    """Regular expressions in place of these: each word begins one of theirs, or is one of theirs
    but for one letter."""
    return [
        f" ({word}|({_one_wrong(word)}) )" if len(word) in FORGIVING else f" {word}"
        for word in _asked(q)
    ]


def _asked(q: str) -> list[str]:
    typed = dict.fromkeys(word[:LETTERS] for word in words(q))
    return sorted([*typed][:MOST], key=len, reverse=True)
