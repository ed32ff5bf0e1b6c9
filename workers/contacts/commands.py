"""Reads a file of contacts, and makes commands of it for the people in it."""

import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.aggregate import Command
from domain.attendees import Profile, SaveProfile
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.errors import Invalid
from domain.missions import CompleteMission
from domain.reports import RecordTelemetry

STEP = 20  # seconds that one line of the file stands for
TALK = 300

MISSIONS = (
    Mission("first_contact", "Break the ice", "Talk with one person.", 5, "Start"),
    Mission(
        "meet_attendees",
        "Meet the attendees",
        "Get to know three people.",
        15,
        "People",
        requires=("first_contact",),
    ),
    Mission(
        "ten_people",
        "Ten people",
        "Talk with ten different people.",
        20,
        "People",
        requires=("meet_attendees",),
    ),
    Mission(
        "long_talk",
        "A real talk",
        "Talk with one person for five minutes without a break.",
        10,
        "Talks",
        requires=("first_contact",),
    ),
    Mission(
        "meet_again",
        "Meet again",
        "Talk with the same person on two days.",
        10,
        "Talks",
        requires=("first_contact",),
    ),
    Mission(
        "well_connected",
        "Well connected",
        "Ten people, a real talk, and somebody met again.",
        25,
        "Talks",
        requires=("ten_people", "long_talk", "meet_again"),
    ),
)


class Contact(NamedTuple):
    """Two people face to face for STEP seconds up to `t`, in Unix seconds."""

    t: int
    first: str
    second: str


def read(path: Path) -> Iterator[Contact]:
    """Line by line. Raises Invalid where a line is not `t i j`, or out of order."""
    opened = gzip.open if path.suffix == ".gz" else open
    before = 0
    with opened(path, "rt", encoding="ascii", errors="replace") as lines:
        for number, text in enumerate(lines, 1):
            contact = _parsed(text)
            if contact is None or contact.t < before:
                raise Invalid(
                    f"{path}, line {number}: must be a time in seconds, not before the line above, "
                    "and the numbers of two different people, as in `1480486100 125 130`."
                )
            before = contact.t
            yield contact


def _parsed(text: str) -> Contact | None:
    fields = text.split()
    if len(fields) != 3 or not all(f.isdecimal() and len(f) <= 11 for f in fields):
        return None
    t, i, j = map(int, fields)
    return Contact(t, f"p{i:03}", f"p{j:03}") if i != j else None


class Survey(NamedTuple):
    """The extent of a file, found in a first pass. `starts` and `ends` are Unix seconds."""

    event_id: str
    zone: ZoneInfo
    contacts: int
    people: Sequence[str]
    starts: int
    ends: int


def survey(path: Path, event_id: str, zone: ZoneInfo) -> Survey:
    people: set[str] = set()
    count = starts = ends = 0
    for count, (ends, first, second) in enumerate(read(path), 1):  # noqa: B007 - used below
        starts = starts or ends
        people |= {first, second}
    if not count:
        raise Invalid(f"{path} holds no contact.")
    return Survey(event_id, zone, count, sorted(people), starts, ends)


def preparations(scope: Survey) -> Iterator[Command]:
    event = scope.event_id
    yield AnnounceConference(
        event_id=event,
        name=f"Conference {event}, replayed",
        timezone=scope.zone.key,
        starts_at=_moment(scope.starts),
        ends_at=_moment(scope.ends + STEP),
    )
    yield PublishCatalogue(event_id=event, missions=MISSIONS)
    for person in scope.people:
        profile = Profile(name=f"Participant {int(person[1:])}")
        yield SaveProfile(event_id=event, member_id=person, profile=profile)


class Guest:
    """One person's contacts so far, and the missions that they complete."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._met_on: dict[str, date] = {}
        self._talks: dict[
            str, tuple[int, int]
        ] = {}  # the other person: (time of the last step, number of steps)

    def meet(self, other: str, t: int, day: date) -> Iterator[str]:
        """The missions that this contact completes."""
        self._met_on.setdefault(other, day)
        until, steps = self._talks.get(other, (0, 0))
        if t > until:
            steps = steps + 1 if t - until == STEP else 1
            self._talks[other] = t, steps
        for mission, holds in self._conditions(other, steps, day):
            if holds and mission not in self._done:
                self._done.add(mission)
                yield mission

    def _conditions(self, other: str, steps: int, day: date) -> Iterator[tuple[str, bool]]:
        yield "first_contact", True
        yield "ten_people", len(self._met_on) >= 10
        yield "long_talk", steps * STEP >= TALK
        yield "meet_again", self._met_on[other] != day
        yield "well_connected", {"ten_people", "long_talk", "meet_again"} <= self._done


def replayed(contact: Contact, scope: Survey, guests: defaultdict[str, Guest]) -> Iterator[Command]:
    """Both people's reports of a contact, each followed by the missions that it completes."""
    at = _moment(contact.t)
    day = at.astimezone(scope.zone).date()
    pair = contact.first, contact.second
    for me, other in (pair, pair[::-1]):
        yield RecordTelemetry(
            event_id=scope.event_id,
            member_id=me,
            action="view_profile",
            target_member_id=other,
            ts=at,
            dwell_ms=STEP * 1_000,
        )
        for mission in guests[me].meet(other, contact.t, day):
            yield CompleteMission(event_id=scope.event_id, member_id=me, mission_id=mission)


def _moment(t: int) -> datetime:
    return datetime.fromtimestamp(t, UTC)
