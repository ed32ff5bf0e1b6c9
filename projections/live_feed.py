"""The live feed of each member, as a read model: what it said can be said again, to the byte."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from domain.aggregate import Recorded
from projections import missions
from projections.read_model import Change, Key, ReadModel, RowOf, Table


class Message(Struct, frozen=True):
    event_id: str
    member_id: str
    position: int
    type: str
    data: Raw


FEED = Table("live_feed", Message, keys=3, sql="live_feed", whole=True)


def say(
    recorded: Recorded,
    message: Callable[..., Struct],
    reads: tuple[RowOf, ...],
    to: tuple[str, str],
) -> Change:
    """A message to one member, in what it says a function of the rows it reads."""
    key: Key = (*to, recorded.position)

    def fold(old: Message | None, *rows: Any) -> Message:
        said = message(*rows)
        name = str(said.__struct_config__.tag)
        return Message(*to, recorded.position, name, Raw(msgspec.json.encode(said)))

    return Change(FEED, key, fold, reads)


def project(recorded: Recorded) -> Iterator[Change]:
    """Each capability announces what its members should hear of."""
    yield from missions.announce(
        recorded, lambda message, reads: say(recorded, message, reads, recorded.member)
    )


LIVE_FEED = ReadModel("live_feed", (FEED, missions.TOTALS, missions.GAINED), project)
