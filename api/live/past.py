"""Detection of a changed past: a backup was restored, or a standby that lagged took over, so the
log is not the one that this process has read. The end of the log does not tell: it may have grown
beyond the loss since."""

from msgspec import Struct

from projections.engine.event_log import SQL, Connection

REMEMBERED = 32  # moments; the older, the fewer


class _Moment(Struct, frozen=True):
    """The last event at some time; `identity` is of all that it says, none where there is none."""

    position: int
    identity: str | None


class Past:
    def __init__(self) -> None:
        self._epoch: str | None = None  # which database, of which cluster, on which timeline
        self._moments = [_Moment(0, None)]

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
            kept = last.position  # what was heard of since may have been lost
        self._epoch = epoch
        if position > self._moments[-1].position:
            self._remember(_Moment(position, end))
        return position, kept

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
