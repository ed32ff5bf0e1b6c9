"""The result of a reader, the sessions it is made of, and the ids of both."""

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import UNSET, Struct

from domain.agenda import ImportSchedule, Speaker
from domain.agenda_items import AgendaItem
from domain.names import digest, id_of_name
from domain.names import slug as slug_of
from domain.source_files import Named
from workers.schedules import text
from workers.schedules.moments import Length

MOST_REMARKS = 500
THE_FILE = "the file"  # the place of remarks and errors that concern all of it
ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}", re.ASCII)
STATUS_OF_STATE = {  # a proposal in any other state was not accepted, or is not yet
    "accepted": "",
    "confirmed": "confirmed",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "withdrawn": "cancelled",
}


class Odd(Struct, frozen=True):
    """A remark: what was read otherwise than it is written, and where."""

    where: str
    what: str


class Schedule(Struct, frozen=True):
    source: str
    timezone: str | None  # the file's own
    items: tuple[AgendaItem, ...]
    speakers: tuple[Speaker, ...]
    odd: tuple[Odd, ...] = ()
    slots: Mapping[str, str] = {}  # the talk of each item whose id was made here, by that id
    named: Mapping[str, Named] = {}  # of speakers by id, unless that stands in the file

    def command(self, event_id: str, source: str | None) -> ImportSchedule:
        """Imports it, as of `source` where that is given."""
        return ImportSchedule(
            event_id=event_id,
            source=source or self.source,
            items=self.items,
            speakers=self.speakers,
            slots=self.slots,
            named=self.named,
        )


class Session(Struct, kw_only=True):
    """A session as a file has it. Its texts are not cleaned, and its slots share its id."""

    id: str
    where: str
    title: str
    start: datetime
    end: datetime
    length: Length | None = None  # where the end is that of the usual reading of a duration
    texts: tuple[str, ...] = ()
    location: str = ""
    track: str = ""
    focus_areas: object = UNSET  # absent: the tags, and the track
    tags: object = None
    kind: str = ""
    item_type: str = ""
    status: str = ""
    speaker_ids: tuple[str, ...] = ()
    url: str = ""
    language: str = ""
    exported_here: bool = False  # by this product, which has no bound on the length of a session


class Remarks:
    """Remarks, each once, and at most so many as a person would read."""

    def __init__(self) -> None:
        self._odd: dict[Odd, None] = {}
        self._more = 0

    def add(self, where: str, what: str) -> None:
        odd = Odd(where, what)
        if len(self._odd) < MOST_REMARKS:
            self._odd[odd] = None
        elif odd not in self._odd:
            self._more += 1

    def all(self) -> tuple[Odd, ...]:
        more = Odd(THE_FILE, f"has {self._more} odd things more")
        return (*self._odd, more) if self._more else tuple(self._odd)


def id_from(written: str) -> str:
    """The text itself if it is a valid id, else an id derived from it, always the same."""
    if ID.fullmatch(written) and written.strip("."):
        return written
    return f"{slug(written)}-{digest(written)}".lstrip("-")


def id_from_name(name: str) -> str:
    """An id for a thing that has only a name, and is nobody."""
    return id_of_name(text.line(name))


def slug(written: str) -> str:
    return slug_of(text.line(written[:1000]))
