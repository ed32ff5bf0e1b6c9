"""A schedule in the making: what every reader fills, whatever its format."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import structs

from domain.agenda import Speaker
from domain.agenda_items import AgendaItem
from domain.errors import Invalid
from domain.slots import further
from workers.schedules import moments, text, tidy
from workers.schedules.schedule import THE_FILE, Remarks, Schedule, Session, identifier, named, slug

ITEMS = 10_000
SPEAKERS = 20_000
MENTIONS = 300_000  # of speakers, whoever they are


Reached = Callable[[int, int], object]  # so many of so many


def unwatched(done: int, total: int) -> None:
    pass


class Draft:
    """Every refusal and every remark names where."""

    def __init__(self, timezone: str | None = None, reached: Reached = unwatched) -> None:
        self.source = "schedule"
        self.timezone: str | None = None
        self.remarks = Remarks()
        self._fallback = timezone
        self._zone = ZoneInfo(timezone) if timezone else None
        self._count = self._mentions = 0
        self._reached, self._total, self._seen = reached, 0, 0
        self._items: dict[str, dict[AgendaItem, None]] = defaultdict(dict)
        self._speakers: dict[str, Speaker] = {}
        self._left_out: Counter[str] = Counter()

    def called(self, *names: str) -> None:
        """The first of these that says anything: by it, revisions know each other."""
        cleaned = (text.cut(text.line(name), text.LINE) for name in names)
        self.source = next(filter(None, cleaned), self.source)

    def local_to(self, zone: str, where: str) -> None:
        name = text.line(zone)
        if name in moments.zones():
            self.timezone, self._zone = name, ZoneInfo(name)
        elif name:
            self.remarks.add(where, f"{moments.shown(name)} is not the name of an IANA time zone")

    def expect(self, total: int) -> None:
        """So many sessions will be added or left out, as far as is known before."""
        self._total = total

    def leave_out(self, what: str) -> None:
        """Counts something that is left out, as `rejected sessions`; a remark says how many."""
        self._left_out[what] += 1
        self._see()

    def _see(self) -> None:
        self._seen += 1
        if self._seen <= self._total:
            self._reached(self._seen, self._total)

    def key(self, written: object) -> str:
        """An id of what is only numbered: other conferences number theirs too."""
        return identifier(f"{slug(self.source) or named(self.source)}-{written}")

    def instant(self, found: datetime, where: str) -> datetime:
        if found.tzinfo is None and self.timezone is None and self._fallback:
            self.remarks.add(THE_FILE, f"names no time zone: {self._fallback} is taken")
        try:
            utc, doubt = moments.instant(found, self._zone)
        except moments.TimeError as error:
            raise Invalid("", (where, str(error))) from None
        if doubt:
            self.remarks.add(where, doubt)
        return utc

    def moment(self, written: str, where: str) -> datetime:
        if moments.whole_day(written):
            self.remarks.add(where, f"{moments.shown(written)} has no time: midnight is taken")
        try:
            return self.instant(moments.moment(written), where)
        except moments.TimeError as error:
            raise Invalid("", (where, str(error))) from None

    def after(self, start: datetime, length: timedelta, where: str) -> datetime:
        try:
            return start + length
        except OverflowError:
            raise Invalid("", (where, "ends after the year 9999")) from None

    def speaker(self, found: Speaker, where: str, focus_areas: object = None) -> str:
        """Whoever this is, once; gives the id back."""
        self._mentions += 1
        if self._mentions > MENTIONS:
            raise Invalid("", (where, f"names speakers more than {MENTIONS} times"))
        if found.id not in self._speakers:
            if len(self._speakers) >= SPEAKERS:
                raise Invalid("", (where, f"is one speaker more than {SPEAKERS}"))
            self._speakers[found.id] = structs.replace(
                found,
                name=tidy.line(found.name, where, "the name", self.remarks) or found.id,
                email=tidy.email(found.email),
                focus_areas=tidy.areas(focus_areas, where, self.remarks),
            )
        return found.id

    def add(self, found: Session) -> None:
        self._see()
        self._count += 1
        if self._count > ITEMS:
            raise Invalid("", (found.where, f"is one session more than {ITEMS}"))
        item = tidy.item(found, self.remarks)
        slots = self._items[item.id]
        if item in slots:
            self.remarks.add(found.where, f"{moments.shown(item.title)} was there before: left out")
            return
        slots[item] = None

    def schedule(self) -> Schedule:
        """Raises Invalid where there is no session: nobody means to cancel all of them so."""
        apart, slots = self._apart()
        items = sorted(apart, key=lambda item: (item.start_time, item.location, item.id))
        if not items:
            raise Invalid("", (THE_FILE, "holds no session that takes place"))
        for what, count in self._left_out.items():
            self.remarks.add(THE_FILE, f"has {count} {what}: left out")
        speaking = {speaker for item in items for speaker in item.speaker_ids}
        speakers = tuple(self._speakers[name] for name in sorted(speaking))
        odd = self.remarks.all()
        return Schedule(self.source, self.timezone, tuple(items), speakers, odd, slots)

    def _apart(self) -> tuple[list[AgendaItem], dict[str, str]]:
        """Slots of one talk are told apart by their order in time, so that the order in the file
        does not matter; and the talk of each that got an id so."""
        apart: list[AgendaItem] = []
        talks: dict[str, str] = {}
        for talk, found in self._items.items():
            slots = sorted(found, key=lambda item: (item.start_time, item.location, item.title))
            free = (id_ for id_ in further(talk) if id_ not in self._items and id_ not in talks)
            apart.append(slots[0])
            for item in slots[1:]:
                id_ = next(free)
                talks[id_] = talk
                apart.append(structs.replace(item, id=id_))
        return apart, talks
