"""The live feed of each member, as a read model: what it said can be said again, to the byte."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from domain.aggregate import Recorded
from projections.missions import rows as missions
from projections.read_model import Change, FanOut, ReadModel, RowKey, RowOf, Table
from projections.sessions import rows as sessions


class Message(Struct, frozen=True):
    event_id: str
    member_id: str
    position: int
    type: str
    data: Raw


FEED = Table("live_feed", Message, keys=3, sql="live_feed", overwrites=True)


def say(
    recorded: Recorded,
    message: Callable[..., Struct],
    reads: tuple[RowOf, ...],
    to: tuple[str, str],
) -> Change:
    """A message to one member, in what it says a function of the rows it reads."""
    at = (*to, recorded.position)
    return Change(FEED, at, lambda old, *rows: Message(*at, *_said(message(*rows))), reads)


def tell(recorded: Recorded, told: sessions.Told, reads: tuple[RowOf, ...]) -> FanOut:
    """A message to all those that it is for: that too is a function of the rows it reads."""

    def fold(*rows: Any) -> Iterator[tuple[RowKey, Message]]:
        message, audience = told(*rows)
        if message is not None:
            said = _said(message)
            for to in audience:
                at = (*to, recorded.position)
                yield at, Message(*at, *said)

    return FanOut(FEED, fold, reads)


def _said(message: Struct) -> tuple[str, Raw]:
    return str(message.__struct_config__.tag), Raw(msgspec.json.encode(message))


def project(recorded: Recorded) -> Iterator[Change | FanOut]:
    """Each capability announces what its members should hear of."""
    yield from missions.announce(
        recorded, lambda message, reads: say(recorded, message, reads, recorded.member)
    )
    yield from sessions.announce(recorded, lambda told, reads: tell(recorded, told, reads))


TABLES = (FEED, missions.TOTALS, missions.GAINED, sessions.FOLLOWED, sessions.FOLLOWERS)
LIVE_FEED = ReadModel("live_feed", TABLES, project)
