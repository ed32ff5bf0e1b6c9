"""Detection of a changed past: a backup was restored, or a standby that lagged took over, so the
log is not the one that this process has read. The end of the log does not tell: it may have grown
beyond the loss since.

Once a second it is looked what the last event is. What was heard since then is known by the
messages of NATS, each of which names the one before: so of a server that has taken over, and has
lost nothing, nothing is heard twice.
"""

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

from domain.store.envelope import Row, UnreadableEventError
from projections.engine import event_log
from projections.engine.event_log import END, SQL, Connection
from workers.bus import messages

REMEMBERED = 32  # moments; the older, the fewer
HEARD = 4_096  # messages


class _Moment(Struct, frozen=True):
    """The last event at some time; `identity` is of all that it says, none where there is none."""

    position: int
    identity: str | None


class Past:
    def __init__(self) -> None:
        self._epoch: str | None = None  # which database, of which cluster, on which timeline
        self._moments = [_Moment(0, None)]
        self._heard: deque[Mapping[str, str]] = deque(maxlen=HEARD)
        self._ahead: deque[tuple[int, int]] = deque()  # what was read and not heard: after, until
        self._cut = False

    def hear(self, headers: Mapping[str, str]) -> None:
        """A message of NATS, in the order of the log."""
        if not self._cut:
            self._heard.append(headers)
            position = messages.position(headers)
            while self._ahead and self._ahead[0][1] <= position:
                self._ahead.popleft()

    def read_ahead(self, heard: int, until: int) -> None:
        """Notes that what is between these positions was read from Postgres before NATS said it:
        by nothing can it be told whether it is that which is there later."""
        if self._ahead and self._ahead[-1][0] == heard:
            until = max(until, self._ahead.pop()[1])
        self._ahead.append((heard, until))

    def cut(self) -> None:
        """The database was lost from sight: what is heard until the next look may be of another
        past already."""
        self._cut = True

    async def read_end(self, connection: Connection, heard: int) -> tuple[int, int | None]:
        """The end of the log, and the position up to which it surely is as it was; None where
        nothing shows that it is not. `heard` is the last position that there is said to be."""
        last = self._moments[-1]
        cursor = await connection.execute(SQL["past"], {"seen": [last.position]}, prepare=True)
        ((epoch, (identity,), position, end),) = await cursor.fetchall()
        kept = None
        if identity != last.identity:
            kept = await self._go_back(connection)
        elif self._epoch not in (None, epoch) or position < heard:
            kept = last.position
        if kept is not None:
            sure = self._ahead[0][0] if self._ahead else END
            kept = max(kept, min(sure, await self._as_heard(connection, kept)))
            self._ahead.clear()
        while self._ahead and self._ahead[0][1] <= position:
            self._ahead.popleft()
        self._epoch, self._cut = epoch, False
        if position > self._moments[-1].position:
            self._remember(_Moment(position, end))
        return position, kept

    async def _as_heard(self, connection: Connection, kept: int) -> int:
        """Up to where the log goes on from there with what was heard. The rest is forgotten."""
        heard = [one for one in self._heard if messages.position(one) > kept]
        about = {"after": kept, "until": END, "most": len(heard)}
        rows = await (await connection.execute(SQL["page"], about, prepare=True)).fetchall()
        for headers, row in zip(heard, rows, strict=False):
            if messages.previous(headers) > kept or not _is_of(headers, row):
                break
            kept = messages.position(headers)
        self._heard = deque((h for h in self._heard if messages.position(h) <= kept), HEARD)
        return kept

    async def _go_back(self, connection: Connection) -> int:
        """To the last moment after which nothing was lost that was there by then."""
        asked = {"seen": [moment.position for moment in self._moments]}
        cursor = await connection.execute(SQL["past"], asked, prepare=True)
        ((_, identities, _, _),) = await cursor.fetchall()
        still = [m for m, now in zip(self._moments, identities, strict=True) if m.identity == now]
        self._moments = self._moments[: self._moments.index(still[-1]) + 1]
        return self._moments[-1].position

    def _remember(self, moment: _Moment) -> None:
        self._moments.append(moment)
        if len(self._moments) > REMEMBERED:
            half = REMEMBERED // 2
            self._moments = self._moments[:half:2] + self._moments[half:]


def _is_of(headers: Mapping[str, str], row: Row) -> bool:
    """Whether a row of the log is the event of a message, whatever is sealed in it."""
    try:
        return messages.is_of(headers, event_log.decoded_or_newer(row, {}))
    except UnreadableEventError:
        return False
