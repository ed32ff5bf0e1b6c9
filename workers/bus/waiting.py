"""For which feeds the relay waits, and for how long: pure, but for what it remembers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from domain.aggregate import Recorded
from projections.engine.feed import Feed

PATIENCE = 0.5  # seconds for which an event waits for its feed. Readers look for lost ones after 1


class FeedState(Struct, frozen=True):
    """`position`: up to where it shows what it says. `goes_on`: it is neither stuck nor renewed."""

    position: int
    goes_on: bool


class Waiting:
    """Decides which events of a page may be published. They go out in the order of the log, so one
    that waits holds up all that follow, other capabilities' too: it waits for a moment only.

    A feed becomes late when it does not go on, or when an event has waited for it for longer than
    PATIENCE. It stays late until it shows all that was published before, so a slow one costs that
    moment once, and not with every event."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = {aggregate: feed for feed in feeds for aggregate in feed.aggregates}
        self._late: set[str] = set()
        self._waits = 0, 0.0  # the position of the event that waits, and since when

    def feed_of(self, recorded: Recorded) -> Feed | None:
        return self._feeds.get(recorded.stream.partition(":")[0])

    def ready(
        self,
        page: Sequence[Recorded],
        published: int,
        states: Mapping[str, FeedState],
        now: float,
    ) -> tuple[Sequence[Recorded], Mapping[Feed, list[int]]]:
        """The page up to an event that has to wait; and the positions of those events whose feed
        shows what it says of them. `published`: the position up to which everything is; `now`:
        seconds of a clock that never goes back."""
        self._late = {
            name
            for name, state in states.items()
            if not state.goes_on or (name in self._late and state.position < published)
        }
        shown: dict[Feed, list[int]] = defaultdict(list)
        for i, recorded in enumerate(page):
            feed, position = self.feed_of(recorded), recorded.position
            if feed is None:
                continue
            if states[feed.name].position >= position:
                shown[feed].append(position)
            elif feed.name not in self._late and not self._waited(position, now):
                return page[:i], shown
            else:
                self._late.add(feed.name)
        return page, shown

    def _waited(self, position: int, now: float) -> bool:
        """Whether this event has waited for long enough."""
        waiting, since = self._waits
        if waiting != position:
            self._waits = position, now
        return waiting == position and now - since > PATIENCE
