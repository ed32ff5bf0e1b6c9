"""Names of people: whether two are one, and how a name was made an id of."""

import re
import unicodedata
from hashlib import sha256

SHORTEST = 3  # letters of a word that says whether two names are alike
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
    """Whether one may be the other as somebody writes it later: with a word in common, or but for
    a letter in five."""
    one, other = folded(one), folded(other)
    if _words(one) & _words(other):
        return True
    return _distance(one[:40], other[:40]) <= max(len(one), len(other)) // 5


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
