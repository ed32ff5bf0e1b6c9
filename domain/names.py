"""Names of people: whether two are one, and how a name was made an id of."""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

SHORTEST = 3  # letters of a word that tells of a name
ALIKE = 75  # percent of the shorter of two names, from which on they may be one
MOST_WORDS = 12  # of a name that are compared
WEIGHTLESS = frozenset(  # they stand in many names
    [
        *("al", "bin", "da", "de", "del", "della", "den", "der", "des", "di", "dos", "el", "ibn"),
        *("of", "ter", "the", "van", "vom", "von", "y", "zu", "zum", "zur"),
        *("dr", "frau", "herr", "ing", "jr", "md", "mr", "mrs", "ms", "msc", "phd", "prof"),
        *("professor", "sir", "sr"),
    ]
)
DIGEST = re.compile(r"[0-9a-f]{12}", re.ASCII)
ID_OF_NAME = re.compile(r"(?:[a-z0-9-]+-)?[0-9a-f]{12}", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.I)


def folded(name: str) -> str:
    """The name without case, accents, and more white space than a space between words."""
    if name.isascii():
        return " ".join(name.casefold().split())
    letters = unicodedata.normalize("NFKD", name).casefold()
    kept = (c for c in letters if unicodedata.category(c) not in {"Mn", "Cf"})
    return " ".join("".join(kept).split())


def alike(one: str, other: str) -> bool:
    """Whether one may be the other as somebody writes it later."""
    return likeness(one, other) >= ALIKE


def likeness(one: str, other: str) -> int:
    """How much of the shorter name is in the other, in percent, and the same both ways. A word
    weighs by its letters, an initial stands for the word that it begins, and `van` or `Dr` weighs
    nothing: so of two words both have to be there. Where they are not cut into as many words, names
    are alike but for a letter in five."""
    one, other = folded(one), folded(other)
    if one == other:
        return 100
    some, others = _weighty(one), _weighty(other)
    found = _by_words(some, others)
    if found < ALIKE and (len(some) != len(others) or len(some) == 1):
        letters = "".join(some)[:40], "".join(others)[:40]
        if any(letters) and _distance(*letters) <= max(map(len, letters)) // 5:
            return ALIKE
    return found


def _weighty(name: str) -> list[str]:
    words = re.findall(r"\w+", name)
    return ([word for word in words if word not in WEIGHTLESS] or words)[:MOST_WORDS]


def _weight(word: str) -> int:
    return min(8, max(3, len(word)))


def _by_words(some: Sequence[str], others: Sequence[str]) -> int:
    pairs = [(_same(a, b), a, b, i, j) for i, a in enumerate(some) for j, b in enumerate(others)]
    pairs.sort(key=lambda p: (-p[0] * _weight(p[1]) * _weight(p[2]), sorted(p[1:3])))
    left = set(range(len(some))), set(range(len(others)))
    found, whole = 0, False
    for same, a, b, i, j in pairs:
        if same and i in left[0] and j in left[1]:
            left[0].discard(i)
            left[1].discard(j)
            found += same * min(_weight(a), _weight(b))
            whole |= len(a) > 1 < len(b)
    shorter = min(sum(map(_weight, some)), sum(map(_weight, others)))
    return found // shorter if whole else 0


def _same(one: str, other: str) -> int:
    """Whether two words may be one, in percent: the same, begun, or but for a letter in four."""
    short, long = sorted((one, other), key=len)
    if long.startswith(short) and (short == long or len(short) == 1):
        return 100
    if long.startswith(short) and len(short) >= SHORTEST:
        return 90
    letters = len(long)
    if letters > 30 or letters - len(short) > letters // 4:
        return 0
    wrong = _distance(short, long)
    return 100 - 100 * wrong // letters if wrong <= letters // 4 else 0


def _words(name: str) -> set[str]:
    return {word for word in re.findall(r"\w+", name) if len(word) >= SHORTEST}


def _distance(one: str, other: str) -> int:
    """The number of letters to insert, remove or replace."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, row = row, [i]
        for j, with_ in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != with_)))
    return row[-1]


def slug(written: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", written.lower())[:60].strip("-")


def digest(written: str) -> str:
    return sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def id_of_name(name: str) -> str:
    """The id that imports made of a name, before they made ids that say nothing of it."""
    name = name.casefold()
    return f"{slug(name)}-{digest(name)}".lstrip("-")


def names_in_ids(name: str) -> set[str]:
    """Pieces of ids that were made of this name: words of it, with what joins them, or a digest. A
    single word is not enough: it stands in many ids."""
    plain = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    letters = [word for word in re.split(r"[^a-z0-9]+", folded(name)) if word]
    whole = id_of_name(name)
    found = {whole, whole.rpartition("-")[2]}
    for words in (plain, letters):
        if len(words) > 1:
            found |= {joint.join(words) for joint in ("-", "_", ".")}
    return found


def says_name(id_: str, name: str) -> bool:
    """Whether an id tells the name, or was made of it as `id_of_name` does. A digest alone is what
    that makes of a name without a letter of ASCII."""
    if DIGEST.fullmatch(id_) or id_.rpartition("-")[2] == digest(name.casefold()):
        return True
    words = _words(folded(name))
    return bool(words & set(re.split(r"[^a-z0-9]+", id_.lower())))


def may_say_a_name(id_: str) -> bool:
    """Whether an id may have been made of a name, where the name is not known any more."""
    return bool(ID_OF_NAME.fullmatch(id_)) and not UUID.fullmatch(id_)
