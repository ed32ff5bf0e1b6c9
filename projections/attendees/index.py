"""The people of a conference in memory: who has which value, so that all of them are scored,
counted and put in order within milliseconds. It is made of rows, and holds ids and tags alone.

Nothing of it is shown by itself: the rows of those it picks are read, and asked whether they may be
seen (visibility.py).
"""

import heapq
from array import array
from collections.abc import Iterable, Mapping
from itertools import chain

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from projections.attendees import score
from projections.attendees.flat import Flat, Growing, Mask, Numbers
from projections.attendees.score import Described, Rarity
from projections.attendees.words import key

EVERYBODY = 10**15  # a position by which all have joined: no log is as long
TIES = 500  # equally frequent values that are put in order
Scores = NDArray[np.float64]
Tags = tuple[str, ...]


class Person(Struct, frozen=True):
    """The part of a row that is looked at here."""

    member_id: str
    position: int
    joined: int
    listed: bool
    company: str
    role: str
    interests: Tags
    industries: Tags
    focus_areas: Tags
    goals: Tags
    offers: Tags
    seeks: Tags


class Spellings:
    """Texts by number, and for each the number of all that are spelled alike: see words.key."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self.alike = Growing()
        self._numbers: dict[str, int] = {"": 0}
        self._keys: dict[str, int] = {"": 0}
        self._ranked = 0
        self._ranks: Numbers = np.zeros(0, np.int64)

    def number(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
            self.alike.set(number, self._keys.setdefault(key(text), len(self._keys)))
        return number

    def ranks(self) -> Numbers:
        """By number, the place among all in the order of their keys; nothing comes last."""
        if self._ranked != len(self.texts):
            place = np.zeros(len(self._keys), np.int64)
            in_order = [self._keys[name] for name in sorted(filter(None, self._keys))]
            place[in_order] = np.arange(len(in_order))
            place[0] = len(in_order)
            self._ranks = place[self.alike.first(len(self.texts))]
            self._ranked = len(self.texts)
        return self._ranks


FACETS = ("industries", "roles", "companies", "goals")


def _facets(person: Person) -> Mapping[str, Iterable[str]]:
    """The values of a person that others can filter by, each once."""
    said = {
        "industries": person.industries,
        "roles": (person.role,),
        "companies": (person.company,),
        "goals": person.goals,
    }
    return {
        facet: {key(text): text for text in texts if key(text)}.values()
        for facet, texts in said.items()
    }


class Index:
    def __init__(self) -> None:
        self.position = 0
        self.ids: list[str] = [""]  # by slot, of which the first is nobody's
        self._slots: dict[str, int] = {}
        self._listed, self._joined, self._active = Growing(), Growing(), Growing()
        # A value is a field and a key. By its number: who has it.
        self._values: dict[tuple[str, str], int] = {}
        self._having: list[array[int]] = []
        self._has: dict[int, array[int]] = {}
        self._spelled = {facet: Spellings() for facet in FACETS}
        self._facets = {facet: Flat() for facet in FACETS}
        self._company, self._role = Growing(), Growing()
        self._blocks: dict[str, set[str]] = {}
        self._blocked_by: dict[str, set[str]] = {}

    # What it is made of
    def put(self, person: Person) -> None:
        slot = self._slot(person.member_id)
        self._listed.set(slot, person.listed)
        self._joined.set(slot, person.joined)
        said = _facets(person) if person.listed else {}
        has = {(f, name) for f in ("roles", "companies") for name in map(key, said.get(f, ()))}
        if person.listed:
            has |= {(field, name) for field in score.FIELDS for name in score.values(person, field)}
        self._have(slot, {self._value(value) for value in has})
        numbers = {f: [*map(self._spelled[f].number, said.get(f, ()))] for f in FACETS}
        for facet, of_facet in numbers.items():
            self._facets[facet].put(slot, of_facet)
        self._company.set(slot, max(numbers["companies"], default=0))
        self._role.set(slot, max(numbers["roles"], default=0))

    def _value(self, value: tuple[str, str]) -> int:
        number = self._values.setdefault(value, len(self._having))
        if number == len(self._having):
            self._having.append(array("i"))
        return number

    def _have(self, slot: int, has: set[int]) -> None:
        before = set(self._has.pop(slot, ()))
        for value in before - has:
            self._having[value].remove(slot)
        for value in has - before:
            self._having[value].append(slot)
        if has:
            self._has[slot] = array("i", has)

    def act(self, member_id: str, position: int) -> None:
        self._active.set(self._slot(member_id), position)

    def block(self, member_id: str, other: str, *, blocked: bool) -> None:
        for known, of, one in (
            (self._blocks, member_id, other),
            (self._blocked_by, other, member_id),
        ):
            known.setdefault(of, set()).add(one)
            if not blocked:
                known[of].discard(one)

    def _slot(self, member_id: str) -> int:
        slot = self._slots.get(member_id)
        if slot is None:
            slot = self._slots[member_id] = len(self.ids)
            self.ids.append(member_id)
        return slot

    def __len__(self) -> int:
        return len(self.ids)

    # Whom one of them sees
    def seen(
        self,
        member_id: str,
        blocks: Iterable[str] | None = None,
        joined_by: int = EVERYBODY,
    ) -> Mask:
        """All but the member, of those who had joined by a position. `blocks`: whom they block, if
        that may be newer than what is known here."""
        mask = self._listed.first(len(self.ids)).astype(np.bool_)
        mask &= self._joined.first(len(self.ids)) <= joined_by
        own = self._blocks.get(member_id, ()) if blocks is None else blocks
        for other in chain((member_id,), own, self._blocked_by.get(member_id, ())):
            if slot := self._slots.get(other):
                mask[slot] = False
        mask[0] = False
        return mask

    def only(self, member_ids: Iterable[str]) -> Mask:
        mask = np.zeros(len(self.ids), np.bool_)
        mask[[self._slots[one] for one in member_ids if one in self._slots]] = True
        return mask

    def having(self, facet: str, texts: Iterable[str]) -> Mask:
        """Those who have any of these."""
        mask = np.zeros(len(self.ids), np.bool_)
        for text in texts:
            mask[self._those(facet, key(text))] = True
        return mask

    def _those(self, field: str, name: str) -> Numbers:
        number = self._values.get((field, name))
        # A copy: an array that somebody looks at could not grow.
        return np.array(() if number is None else self._having[number], np.int64)

    def last_joined(self, seen: Mask) -> int:
        """The position by which all of these had joined."""
        return int(self._joined.first(len(self.ids))[seen].max(initial=0))

    # How they suit
    def rarity(self, seen: Mask) -> Rarity:
        of = int(np.count_nonzero(seen))

        def of_value(field: str, name: str) -> float:
            having = int(np.count_nonzero(seen[self._those(field, name)]))
            return score.rarity(having, of) if having else 1.0

        return of_value

    def scores(self, you: Described | None, seen: Mask) -> Scores:
        """The same as `score.match` gives, for everybody who is seen."""
        worth = np.zeros(len(self.ids))
        if you is None:
            return worth
        of = int(np.count_nonzero(seen))
        for kind in score.KINDS:
            for name in score.values(you, kind.yours):
                those = self._those(kind.theirs, name)
                those = those[seen[those]]
                if len(those):
                    worth[those] += kind.weight * score.rarity(len(those), of)
        scored = np.flatnonzero(worth)
        worth[scored] = np.round(1 - np.exp(-worth[scored]), 4)
        return worth

    # In which order
    def best(self, scores: Scores, seen: Mask, count: int) -> list[str]:
        """So many with the highest scores, in order. Only those who are no worse than the last of
        the best need be put in order."""
        scored = np.flatnonzero(scores)
        if len(scored) > count:
            of_each = scores[scored]
            scored = scored[of_each >= np.partition(of_each, -count)[-count]]
        best = self.by_score(scores, scored)[:count]
        if len(best) < count:
            others = np.flatnonzero(seen & (scores == 0))
            recent = self._recent(others)
            if len(others) > count:
                others = others[recent >= np.partition(recent, -count)[-count]]
            best = np.concatenate((best, self.by_activity(others)))[:count]
        return [self.ids[slot] for slot in best]

    def by_score(self, scores: Scores, slots: Numbers) -> Numbers:
        return slots[np.lexsort((-self._recent(slots), -scores[slots]))]

    def by_activity(self, slots: Numbers) -> Numbers:
        return slots[np.argsort(-self._recent(slots))]

    def _recent(self, slots: Numbers) -> Numbers:
        """The greater, the later somebody did something; of those who did nothing, the earlier they
        joined. No two have the same."""
        active, joined = (g.first(len(self.ids))[slots] for g in (self._active, self._joined))
        return np.where(active > 0, active, -joined)

    def by_company(self, slots: Numbers) -> Numbers:
        return self._by_text("companies", self._company, slots)

    def by_role(self, slots: Numbers) -> Numbers:
        return self._by_text("roles", self._role, slots)

    def _recently(self, slots: Numbers) -> tuple[Numbers, Numbers]:
        """Those first who did something last, and of the others those who joined first: keys for
        lexsort, of which the last is the first."""
        size = len(self.ids)
        return self._joined.first(size)[slots], -self._active.first(size)[slots]

    def _by_text(self, facet: str, held: Growing, slots: Numbers) -> Numbers:
        """By its key; who has none comes last, and of equal ones those who joined first."""
        spelled = self._spelled[facet]
        of_slot = spelled.ranks()[held.first(len(self.ids))[slots]]
        return slots[np.lexsort((self._joined.first(len(self.ids))[slots], of_slot))]

    # How many have what
    def frequent(self, field: str, seen: Mask, most: int) -> list[tuple[str, str, int]]:
        """The most frequent values of one of score.FIELDS among those who are seen: one of them
        who has it, its key, and how many have it."""
        named = ((n, name) for (of, name), n in self._values.items() if of == field)
        # Who is not seen is one of few: whatever is frequent among all is so among the others.
        those = heapq.nlargest(4 * most, named, key=lambda one: len(self._having[one[0]]))
        found = []
        for _, name in those:
            having = self._those(field, name)
            if len(having := having[seen[having]]):
                found.append((self.ids[having[0]], name, len(having)))
        return sorted(found, key=lambda one: (-one[2], one[1]))[:most]

    def counts(self, facet: str, mask: Mask, most: int) -> list[tuple[str, int]]:
        """The most frequent values with how many have each, as most of those write it. Of equally
        frequent ones those that come first by their key; of more than TIES none."""
        spelled = self._spelled[facet]
        size = len(spelled.texts)
        written, alike = self._facets[facet].counts(mask, size), spelled.alike.first(size)
        together = np.bincount(alike, weights=written).astype(np.int64)
        lowest = 1
        if len(together) > most:
            lowest = max(1, int(np.partition(together, -most)[-most]))
            if np.count_nonzero(together == lowest) > TIES:
                lowest += 1
        top = together >= lowest
        best: dict[int, tuple[int, str]] = {}
        for number in np.flatnonzero(top[alike] & (written > 0)):
            value, this = int(alike[number]), (-int(written[number]), spelled.texts[number])
            best[value] = min(best.get(value, this), this)
        found = [(best[int(value)][1], int(together[value])) for value in np.flatnonzero(top)]
        return sorted(found, key=lambda one: (-one[1], key(one[0])))[:most]
