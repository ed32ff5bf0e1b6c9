"""How well two attendees suit each other, from what their profiles share: `match`, which a matcher
that learns will take the place of.

A link is a value that both have: in the same field, or offered by one and sought by the other.
It counts for as much as its kind weighs, times how rare the value is among the people whom the
asker sees: 1 where one of them has it, and nearly nothing where all have (inverse document
frequency, scaled to 1). The score is 1 - exp(-sum): above 0 with the first link, below 1 with many.
Without a link it is 0.0, and `scored` is false: unknown, not unsuitable.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from projections.attendees.words import key

TAGS = 10  # that two have in common, as shown
NAMED = 3  # values in one reason
REASONS = 4


class Described(Protocol):
    """The part of a profile that is compared."""

    @property
    def interests(self) -> tuple[str, ...]: ...
    @property
    def focus_areas(self) -> tuple[str, ...]: ...
    @property
    def industries(self) -> tuple[str, ...]: ...
    @property
    def goals(self) -> tuple[str, ...]: ...
    @property
    def offers(self) -> tuple[str, ...]: ...
    @property
    def seeks(self) -> tuple[str, ...]: ...


class Kind(Struct, frozen=True):
    """`yours` and `theirs` are names in FIELDS. `says` is true of every link of this kind."""

    yours: str
    theirs: str
    weight: float
    says: str


KINDS = (
    Kind("seeks", "offers", 1.0, "They offer what you seek: {}"),
    Kind("offers", "seeks", 0.8, "You offer what they seek: {}"),
    Kind("goals", "goals", 0.8, "You have the same goal: {}"),
    Kind("seeks", "seeks", 0.6, "You both look for {}"),
    Kind("topics", "topics", 0.5, "You are both interested in {}"),
    Kind("industries", "industries", 0.3, "You both know the industry: {}"),
)
FIELDS = ("topics", "industries", "goals", "offers", "seeks")

# How rare a value, by its key, is in a field; above 0 for what anybody has whom the asker sees.
Rarity = Callable[[str, str], float]


class Match(Struct, frozen=True):
    match_score: float = 0.0
    scored: bool = False
    overlap_tags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class _Link(Struct, frozen=True):
    kind: Kind
    value: str
    worth: float


UNKNOWN = Match()


def match(you: Described, they: Described, rarity: Rarity) -> Match:
    links = sorted(_links(you, they, rarity), key=lambda link: -link.worth)
    if not links:
        return UNKNOWN
    score = shown(math.fsum(link.worth for link in links))
    tags = tuple(_each_once(link.value for link in links).values())
    return Match(score, True, tags[:TAGS], tuple(_reasons(links)))


def shown(worth: float) -> float:
    """The score for the sum of what links are worth."""
    return round(1 - math.exp(-worth), 4)


def rarity(having: int, of: int) -> float:
    """The rarity of a value that so many have of so many people."""
    return math.log1p(of / having) / math.log1p(of)


def values(profile: Described, field: str) -> Mapping[str, str]:
    """The values of one of FIELDS as written, by their keys. Topics are interests and focus
    areas."""
    if field == "topics":
        written: Iterable[str] = (*profile.interests, *profile.focus_areas)
    else:
        written = getattr(profile, field)
    return _each_once(written)


def _each_once(written: Iterable[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for value in written:
        if name := key(value):
            found.setdefault(name, value)
    return found


def _links(you: Described, they: Described, rarity: Rarity) -> Iterator[_Link]:
    yours = {field: values(you, field) for field in FIELDS}
    theirs = {field: values(they, field) for field in FIELDS}
    for kind in KINDS:
        for name, value in theirs[kind.theirs].items():
            if name in yours[kind.yours]:
                yield _Link(kind, value, kind.weight * rarity(kind.theirs, name))


def _reasons(links: Iterable[_Link]) -> Iterator[str]:
    """A sentence for each kind of link, the worthiest first. A value is named once."""
    named: dict[Kind, list[str]] = {}
    known: set[str] = set()
    for link in links:
        if (name := key(link.value)) not in known:
            known.add(name)
            named.setdefault(link.kind, []).append(link.value)
    for kind in list(named)[:REASONS]:
        yield kind.says.format(_listed(named[kind][:NAMED]))


def _listed(names: list[str]) -> str:
    """`a`, `a and b`, or `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
