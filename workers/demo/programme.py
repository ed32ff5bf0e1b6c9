"""The programme of the demo: three days around now, on which something is always on."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from itertools import cycle
from random import Random
from typing import Any, NamedTuple, cast

from workers.demo.conference import FIELDS, NEWCOMER, PEOPLE, REGULAR, Person
from workers.demo.talks import LIGHTNING, TALKS, Talk

OPENS, LAST = time(9), time(16, 30)  # on a day as others have it: at night it opens earlier
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SPEAKERS = [person for person in PEOPLE if person not in (REGULAR, NEWCOMER)]


class Room(NamedTuple):
    """`begins` are minutes after the doors open, `length` is in minutes."""

    name: str
    begins: tuple[int, ...]
    length: int


# In one of them something is always on, and within any hour something begins.
HALL = Room("Main Hall", (0, 60, 120, 240, 300, 360, 420, 480), 45)
HARBOUR = Room("Harbour Room", (45, 135, 285, 375), 30)
TABLES = Room("Glasshouse", (30, 120, 210, 300, 390), 90)
NOON = Room("Harbour Room", (195,), 30)
LUNCH = Room("Courtyard", (180,), 60)


class Item(NamedTuple):
    id: str
    body: dict[str, Any]


def programme(now: datetime) -> list[Item]:
    """The items around `now`. Every run has the same, but for the times."""
    days = [_opens(now) + number * DAY for number in (-1, 0, 1)]
    return [*_talks(days), *_tables(days), *_noons(days)]


def _opens(now: datetime) -> datetime:
    if OPENS <= now.time() <= LAST:
        return now.replace(hour=OPENS.hour, minute=0, second=0, microsecond=0)
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)


def _talks(days: Sequence[datetime]) -> Iterator[Item]:
    mixed = [talk for i in range(len(FIELDS)) for talk in TALKS[i :: len(FIELDS)]]
    slots = [slot for day in days for room in (HALL, HARBOUR) for slot in _slots(day, room)]
    for i, (talk, speaker, slot) in enumerate(zip(mixed, _speaking(mixed), slots, strict=True)):
        about = {"track": talk.track, "focus_areas": talk.areas, "description": talk.description}
        yield Item(
            f"talk_{i + 1}", {"title": talk.title, "speaker_ids": [speaker.id], **about, **slot}
        )


def _speaking(talks: Sequence[Talk]) -> Iterator[Person]:
    """A speaker for each talk: the next person who works in its field."""
    people = {field.industry: cycle(_working_in(field.industry)) for field in FIELDS}
    for talk in talks:
        yield next(people[talk.track])


def _working_in(industry: str) -> list[Person]:
    return [person for person in SPEAKERS if _profile(person, "industries")[0] == industry]


def _profile(person: Person, field: str) -> list[str]:
    return cast(list[str], person.profile[field])


def _tables(days: Sequence[datetime]) -> Iterator[Item]:
    """Open tables, which have no speaker."""
    fields = cycle(FIELDS)
    slots = [slot for day in days for slot in _slots(day, TABLES)]
    for i, (slot, field) in enumerate(zip(slots, fields, strict=False)):
        title = f"Open table: {field.interests[i // len(FIELDS)]}"
        about = {"track": field.industry, "focus_areas": [field.interests[i // len(FIELDS)]]}
        text = "Bring a question. Leave when it is answered, or stay for the next one."
        yield Item(f"table_{i + 1}", {"title": title, "description": text, **about, **slot})


def _noons(days: Sequence[datetime]) -> Iterator[Item]:
    for i, day in enumerate(days):
        (noon,), (lunch,) = _slots(day, NOON), _slots(day, LUNCH)
        yield Item(f"lightning_{i + 1}", {"title": LIGHTNING[i], **noon})
        yield Item(
            f"lunch_{i + 1}", {"title": "Lunch at the long table", "item_type": "break", **lunch}
        )


def _slots(day: datetime, room: Room) -> list[dict[str, Any]]:
    starts = [day + minutes * MINUTE for minutes in room.begins]
    return [
        {"start_time": start, "end_time": start + room.length * MINUTE, "location": room.name}
        for start in starts
    ]


def picks(person: Person, items: Sequence[Item]) -> list[str]:
    """Ids of the items that a person has starred when the demo begins: three that suit them, and a
    few others."""
    if person is NEWCOMER:
        return []
    own = Random(person.id)  # noqa: S311 - the same on every run
    areas = {*_profile(person, "focus_areas")}
    suited = [i.id for i in items if areas & {*i.body.get("focus_areas", ())}]
    others = [i.id for i in own.sample(items, 3) if "item_type" not in i.body]
    return list(dict.fromkeys([*own.sample(suited, min(3, len(suited))), *others]))
