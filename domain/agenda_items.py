"""One slot of the programme of a conference. It is stored inside events: new fields
have defaults, types never change."""

from datetime import datetime

from msgspec import Struct


class AgendaItem(Struct, frozen=True):
    id: str
    title: str
    start_time: datetime
    end_time: datetime
    description: str = ""
    location: str = ""
    track: str = ""
    focus_areas: tuple[str, ...] = ()
    item_type: str = "session"
    status: str = "scheduled"
    speaker_ids: tuple[str, ...] = ()
    url: str = ""
    language: str = ""
