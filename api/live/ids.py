"""Ids of messages of the live feed: how far whoever has heard one has heard each feed.

While all feeds agree that is one number: everything up to this position was heard, of each feed.
While one is behind, the id names each that was heard less far than the first number, and last the
message's own feed with its position: `100-live_sessions.60-live_missions.100` comes with what
missions say of 100 while sessions are heard up to 60, and later `100-live_sessions.61` with what
sessions say of 61. So the first number never falls, and the last is the message's position.

Who has heard belated messages has their number in it too: `100-belated.7-live_missions.100`. Such a
message itself is of a position up to which its feed was heard already: `100-belated.7-said.45`.
"""

from collections.abc import Sequence

from msgspec import Struct

from projections.read_models import FEEDS

NAMES = [feed.name for feed in FEEDS]
BELATED, SAID = "belated", "said"  # in ids; no feed is called so
OF_NO_FEED = -1  # the place of what is not kept, such as a comment


class LastId(Struct, frozen=True):
    """`heard`: up to which position feeds were heard by their names; the rest up to `top`."""

    top: int
    heard: dict[str, int] = {}

    @property
    def is_plain(self) -> bool:
        return not self.heard

    def of_each(self) -> list[int]:
        return [self.heard.get(name, self.top) for name in NAMES]


def parsed(text: str) -> LastId:
    """`text` has the pattern LAST_POSITION, and is not empty."""
    top, *others = text.split("-")
    named = (one.split(".") for one in others)
    return LastId(int(top), {name: int(position) for name, position in named})


def encoded(top: int, heard: Sequence[int], feed: int, position: int, belated: int = 0) -> bytes:
    """`top`: the highest position of which a message was sent; `heard`: up to where each feed was
    heard; `feed` and `position`: of this message; `belated`: the number up to which those that came
    belated were heard."""
    again = feed != OF_NO_FEED and position < heard[feed]
    behind = [i for i, upto in enumerate(heard) if upto < top and (again or i != feed)]
    if position == top and not behind and not belated:
        return b"%d" % top
    own = [] if feed == OF_NO_FEED else [(SAID if again else NAMES[feed], position)]
    late = [(BELATED, belated)] if belated else []
    parts = [*((NAMES[i], heard[i]) for i in behind), *late, *own]
    return "-".join([str(top), *(f"{name}.{upto}" for name, upto in parts)]).encode()
