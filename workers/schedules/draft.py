"""A builder of schedules, which the readers of all formats fill."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from msgspec import structs

from domain.agenda import Speaker
from domain.agenda_items import AgendaItem
from domain.errors import Invalid
from domain.names import folded
from domain.slots import further
from domain.source_files import Kind, Named
from workers.schedules import lengths, moments, text, tidy
from workers.schedules.lengths import Timed
from workers.schedules.schedule import (
    THE_FILE,
    Remarks,
    Schedule,
    Session,
    id_from,
    id_from_name,
    slug,
)

# Upper bounds.
ITEMS = 10_000
SPEAKERS = 20_000
MENTIONS = 300_000  # of speakers in all sessions

OnProgress = Callable[[int, int], object]  # sessions done, sessions in all


def ignore_progress(done: int, total: int) -> None:
    pass


class Draft:
    """Refusals (Invalid) and remarks name the place in the file, which is passed as `where`."""

    def __init__(
        self, timezone: str | None = None, on_progress: OnProgress = ignore_progress
    ) -> None:
        self.source = "schedule"
        self.timezone: str | None = None
        self.remarks = Remarks()
        self._fallback = timezone
        self._zone = ZoneInfo(timezone) if timezone else None
        self._count = self._mentions = 0
        self._on_progress, self._total, self._done = on_progress, 0, 0
        self._items: dict[str, dict[AgendaItem, None]] = defaultdict(dict)
        self._speakers: dict[str, Speaker] = {}
        self._people: dict[str, dict[str, str]] = defaultdict(
            dict
        )  # ids by name, by id in the file
        self._named: dict[str, Named] = {}
        self._numbers: set[str] = set()
        self._timed: list[Timed] = []
        self._last_day: date | None = None
        self._aside: Counter[str] = Counter()  # by type, which are no sessions
        self._skipped: Counter[str] = Counter()

    def set_source(self, *names: str) -> None:
        """Takes the first name that is not empty. Revisions of one schedule have the same."""
        cleaned = (text.cut(text.line(name), text.LINE) for name in names)
        self.source = next(filter(None, cleaned), self.source)

    def set_zone(self, zone: str, where: str) -> None:
        name = text.line(zone)
        if name in moments.zones():
            self.timezone, self._zone = name, ZoneInfo(name)
        elif name:
            self.remarks.add(where, f"{moments.quoted(name)} is not the name of an IANA time zone")

    def name_day(self, written: str) -> None:
        """A day of the file, whether or not there is a session on it."""
        with suppress(moments.TimeError):
            day = moments.day(written)
            self._last_day = max(self._last_day or day, day)

    def expect(self, total: int) -> None:
        """The number of sessions that will be added or skipped, if it is known in advance."""
        self._total = total

    def skip(self, what: str) -> None:
        """Counts a session that is left out. `what` is in the plural, as in `rejected sessions`:
        there is one remark for all of its kind."""
        self._skipped[what] += 1
        self._advance()

    def _advance(self) -> None:
        self._done += 1
        if self._done <= self._total:
            self._on_progress(self._done, self._total)

    def prefixed_id(self, written: object) -> str:
        """An id from a number, behind the source: other conferences use the same numbers."""
        made = id_from(f"{slug(self.source) or id_from_name(self.source)}-{written}")
        if str(written).isdigit():
            self._numbers.add(made)
        return made

    def instant(self, found: datetime, where: str) -> datetime:
        if found.tzinfo is None and self.timezone is None and self._fallback:
            self.remarks.add(THE_FILE, f"names no time zone: {self._fallback} is taken")
        try:
            utc, remark = moments.instant(found, self._zone)
        except moments.TimeError as error:
            raise Invalid("", (where, str(error))) from None
        if remark:
            self.remarks.add(where, remark)
        return utc

    def moment(self, written: str, where: str) -> datetime:
        if moments.whole_day(written):
            self.remarks.add(where, f"{moments.quoted(written)} has no time: midnight is taken")
        try:
            return self.instant(moments.moment(written), where)
        except moments.TimeError as error:
            raise Invalid("", (where, str(error))) from None

    def end_after(self, start: datetime, length: timedelta, where: str) -> datetime:
        try:
            return start + length
        except OverflowError:
            raise Invalid("", (where, "ends after the year 9999")) from None

    def end_and_length(
        self, start: datetime, written: str, where: str
    ) -> tuple[datetime, moments.Length]:
        """The end by the usual reading of a duration."""
        try:
            length = moments.length(written)
        except moments.TimeError as error:
            raise Invalid("", (where, str(error))) from None
        return self.end_after(start, length.usual, where), length

    def add_speaker(self, found: Speaker, where: str, focus_areas: object = None) -> str:
        """Adds a speaker: one without an id is known by the name alone, and two names under one id
        are two people. Returns an id, which lasts until all are added."""
        self._mentions += 1
        if self._mentions > MENTIONS:
            raise Invalid("", (where, f"names speakers more than {MENTIONS} times"))
        same = self._people[found.id]
        key = folded(found.name[: text.LINE])
        if key in same:
            return same[key]
        if len(self._speakers) >= SPEAKERS:
            raise Invalid("", (where, f"is one speaker more than {SPEAKERS}"))
        id_ = same[key] = self._id(found, same, where)
        self._speakers[id_] = structs.replace(
            found,
            id=id_,
            name=tidy.line(found.name, where, "the name", self.remarks) or found.id or "?",
            email=tidy.email(found.email),
            focus_areas=tidy.areas(focus_areas, where, self.remarks),
        )
        return id_

    def _id(self, found: Speaker, same: Mapping[str, str], where: str) -> str:
        """An id in the file, or with a sign that no id has until it gets one of its own."""
        if not found.id:
            id_ = f"#{len(same) + 1}"
            self._named[id_] = Named(id_from_name(found.name), "name")
            return id_
        kind: Kind = "number" if found.id in self._numbers or found.id.isdigit() else "id"
        id_ = f"{found.id}#{len(same) + 1}" if same else found.id
        if same:
            what = f"has an id, {moments.quoted(found.id)}, that another name has too"
            self.remarks.add(where, f"{what}: taken for two people")
        if same or kind == "number":
            self._named[id_] = Named(found.id, kind)
        return id_

    def add(self, found: Session) -> None:
        self._advance()
        self._count += 1
        if self._count > ITEMS:
            raise Invalid("", (found.where, f"is one session more than {ITEMS}"))
        item = tidy.item(found, self.remarks)
        if item.item_type != "session" and not found.item_type:
            self._aside[text.cut(text.line(found.kind), text.LINE)] += 1
        slots = self._items[item.id]
        if item in slots:
            self.remarks.add(
                found.where, f"{moments.quoted(item.title)} was there before: left out"
            )
            return
        slots[item] = None
        self._timed.append(Timed(item, found.length or moments.Length()))

    def schedule(self) -> Schedule:
        """Raises Invalid where there is no session: an import would cancel all there are."""
        ends = lengths.decided(self._timed, self._last_day, self.remarks)
        separate, slots = self._separate_slots(ends)
        items = sorted(separate, key=lambda item: (item.start_time, item.location, item.id))
        if not items:
            raise Invalid("", (THE_FILE, "holds no session that takes place"))
        for what, times in self._skipped.items():
            self.remarks.add(THE_FILE, f"has {times} {what}: left out")
        for kind, times in self._aside.items():
            what = f"has {times} of the type {moments.quoted(kind)}"
            self.remarks.add(THE_FILE, f"{what}: on the agenda, but not among the sessions")
        speaking = {speaker for item in items for speaker in item.speaker_ids}
        ids = self._valid_ids(speaking)
        items = [
            structs.replace(item, speaker_ids=tuple(ids.get(i, i) for i in item.speaker_ids))
            for item in items
        ]
        speakers = [self._speakers[id_] for id_ in speaking]
        speakers = [structs.replace(one, id=ids.get(one.id, one.id)) for one in speakers]
        named = {ids.get(i, i): named for i, named in self._named.items() if i in speaking}
        return Schedule(
            self.source,
            self.timezone,
            tuple(items),
            tuple(sorted(speakers, key=lambda speaker: speaker.id)),
            self.remarks.all(),
            slots,
            named,
        )

    def _valid_ids(self, speaking: Collection[str]) -> dict[str, str]:
        """The ids of those who have none of their own in the file. They say nothing of the name."""
        taken = {id_ for id_ in self._people if id_}
        nameless = self.prefixed_id("speaker")
        numbers = count(1)
        ids: dict[str, str] = {}
        for id_ in self._speakers:
            base, sign, _ = id_.rpartition("#")
            if sign and id_ in speaking:
                more = further(base) if base else (f"{nameless}-{n}" for n in numbers)
                ids[id_] = next(one for one in more if one not in taken)
                taken.add(ids[id_])
        return ids

    def _separate_slots(
        self, ends: Mapping[AgendaItem, datetime]
    ) -> tuple[list[AgendaItem], dict[str, str]]:
        """The items, and by id the talk of each that got an id here. Slots of one talk get ids by
        their order in time, so that their order in the file does not matter."""
        separate: list[AgendaItem] = []
        talks: dict[str, str] = {}
        for talk, found in self._items.items():
            timed = dict.fromkeys(
                structs.replace(item, end_time=ends.get(item, item.end_time)) for item in found
            )
            slots = sorted(timed, key=lambda item: (item.start_time, item.location, item.title))
            free = (id_ for id_ in further(talk) if id_ not in self._items and id_ not in talks)
            if len({folded(item.title) for item in slots}) > 1:
                what = f"has {moments.quoted(talk)} for sessions of several titles"
                self.remarks.add(THE_FILE, f"{what}: taken for as many sessions")
            separate.append(slots[0])
            for item in slots[1:]:
                id_ = next(free)
                talks[id_] = talk
                separate.append(structs.replace(item, id=id_))
        return separate, talks
