"""Messages that come belated: what a feed says of events that it had parked, once they are applied,
at positions that whoever hears it has passed. Each such message has a number (`seq` of
`views.belated`), in their order. Readers know up to which number they have heard, and so do the ids
of their messages."""

from collections.abc import Mapping

from api.live.ids import BELATED, LastId
from api.live.reader import Audience, Reader
from api.live.watch import Watch


class Belated:
    """The newest number of each audience. Called with a newer one, it has its readers look."""

    def __init__(self, watch: Watch, readers: Mapping[Audience, set[Reader]]) -> None:
        self._watch = watch
        self._readers = readers
        self._newest: dict[Audience, int] = {}

    def __call__(self, audience: Audience, seq: int) -> None:
        self._newest[audience] = seq
        for reader in self._readers.get(audience, ()):
            if reader.belated is None:
                reader.belated = seq
            elif reader.belated < seq:
                reader.miss()

    def heard_by(self, audience: Audience, last: LastId | None) -> int | None:
        """The number up to which somebody who joins has heard: all there is, where they do not come
        back. None: it is not known yet what that is."""
        if last is not None:
            return last.heard.get(BELATED, 0)
        known = any(self._watch.positions.values())
        return self._newest.get(audience, 0) if known else None
