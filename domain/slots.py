"""Slots of one talk, from one revision of a schedule to the next: which of them is which.

Files name the talk only, so its slots are numbered: `talk`, `talk.2`, `talk.3`. A slot that was
there before keeps its number, whatever becomes of the others: stars and calendars hold on to it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, count
from typing import Any

from msgspec.structs import replace

from domain.agenda_items import AgendaItem

Items = Sequence[AgendaItem]

LONGEST = 120  # characters that the ids of a talk's slots begin with: a number follows
NUMBERED = re.compile(rf"(.{{1,{LONGEST}}})\.(?:[2-9]|[1-9]\d{{1,5}})", re.ASCII)
PAIRS = 10_000  # that are compared, at most; of more slots the first is taken for the first


def further(talk: str) -> Iterator[str]:
    """The ids of its slots after the first."""
    return (f"{_stem(talk)}.{number}" for number in count(2))


def _stem(talk: str) -> str:
    """The beginning of the ids of a talk's slots: its id or, of a long one, a part with a digest.
    Talks whose long ids begin alike would share a stem otherwise, and their slots be compared."""
    if len(talk) <= LONGEST:
        return talk
    digest = sha256(talk.encode()).hexdigest()[:16]
    return f"{talk[: LONGEST - len(digest) - 1]}-{digest}"


def settled(
    items: Items,
    slots: Mapping[str, str],
    known: Mapping[str, AgendaItem],
    gone: set[str],
    theirs: Collection[str] = (),
    before: Mapping[str, Sequence[str]] = {},
) -> tuple[AgendaItem, ...]:
    """The items under the ids that they are `known` by. `slots` says of ids that stand in no file
    which talk they belong to; ids that are `gone` are known, and free for other slots, `theirs` are
    of sessions that are none of these, `before` are known ones of a talk that do not look so."""
    siblings = _siblings(known)
    taken = {item.id for item in items if item.id not in slots}.union(theirs)
    talks = defaultdict(list)
    for item in items:
        talks[slots.get(item.id, item.id)].append(item)
    found: list[AgendaItem] = []
    for talk, group in talks.items():
        # Without its first slot a talk is new, and what looks like another is a talk of its own.
        ours = siblings[_stem(talk)] if talk in known else ()
        others = [id_ for id_ in (*ours, *before.get(talk, ())) if id_ not in taken]
        if len(group) == 1 and not others:
            found += group
            continue
        taken.discard(talk)
        named = _named(group, [known[id_] for id_ in (talk, *others) if id_ in known], gone)
        taken |= {id_ for id_, _ in named if id_}
        free = (id_ for id_ in chain([talk], further(talk)) if _free(id_, taken, known, gone))
        for id_, item in named:
            found.append(replace(item, id=id_ or next(free)))
            taken.add(found[-1].id)
    return tuple(found)


def _free(id_: str, taken: set[str], known: Mapping[str, Any], gone: set[str]) -> bool:
    return id_ not in taken and (id_ not in known or id_ in gone)


def _siblings(known: Mapping[str, Any]) -> defaultdict[str, list[str]]:
    siblings = defaultdict(list)
    for id_ in known:
        if of := NUMBERED.fullmatch(id_):
            siblings[of[1]].append(id_)
    return siblings


def _named(group: Items, known: Items, gone: set[str]) -> list[tuple[str | None, AgendaItem]]:
    """The items in the order of time, each with the id of the known slot that it is: the one of the
    same content, else of the same title and the nearest in time, else of the same time and place;
    None where it is new. A number may stand for several talks, whose titles tell them apart: only
    where no title is as it was, time alone decides.
    """
    left = sorted(group, key=lambda item: (item.start_time, item.location, item.title))
    found: dict[int, str] = {}
    _match(left, known, found, _content)
    _match(left, known, found, lambda item: (*_place(item), item.title))
    same = {item.title for item in left} & {item.title for item in known}
    for title in sorted(same):
        _match_nearest(left, [item for item in known if item.title == title], found, gone, title)
    _match(left, known, found, _place)
    if not same:
        _match_nearest(left, known, found, gone, None)
    return [(found.get(i), item) for i, item in enumerate(left)]


def _match(
    items: Items, known: Items, found: dict[int, str], alike: Callable[[AgendaItem], Any]
) -> None:
    named = set(found.values())
    ids = {alike(item): item.id for item in reversed(known) if item.id not in named}
    for i, item in enumerate(items):
        if i not in found and (id_ := ids.pop(alike(item), None)):
            found[i] = id_


def _match_nearest(
    items: Items, known: Items, found: dict[int, str], gone: set[str], title: str | None
) -> None:
    """Among those with this title, or all."""
    named = set(found.values())
    there = [item for item in known if item.id not in gone and item.id not in named]
    missing = [i for i, item in enumerate(items) if i not in found and title in (None, item.title)]
    found.update(_nearest(items, missing, there))


def _nearest(items: Items, missing: list[int], known: Items) -> Iterator[tuple[int, str]]:
    if len(missing) * len(known) > PAIRS:
        yield from zip(missing, (item.id for item in known), strict=False)
        return
    pairs = sorted(
        (abs(items[i].start_time - item.start_time), i, item.id) for i in missing for item in known
    )
    done: set[int | str] = set()
    for _, i, id_ in pairs:
        if not done & {i, id_}:
            done |= {i, id_}
            yield i, id_


def _content(item: AgendaItem) -> Any:
    return replace(item, id="")


def _place(item: AgendaItem) -> Any:
    return item.start_time, item.location
