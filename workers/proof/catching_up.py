"""Waiting for the end of a proof: which readers have not come to the end of the log."""

import time
from collections import Counter
from itertools import chain

import psycopg

from projections.engine.event_log import SQL as LOG
from sql import statements
from workers.proof.ledger import Heard, LineReader
from workers.proof.notes import MODELS
from workers.proof.spec import Spec

SQL = statements("proof")
FOLLOWERS = [*(model.name for model in MODELS), "relay"]
WORK = "the work"
STALLED = 6.0  # seconds after which nobody is expected to move any more
POLL_SECONDS = 0.1


class CatchingUp:
    """`done` when every reader has come to the end, or none has moved for a while: then what they
    lack is lost."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._tail = LineReader(spec.file("tail.jsonl"), list[int])
        self._heard = LineReader(spec.file("heard.jsonl"), Heard)
        # Positions, and of readers of live feeds how many messages: a late feed's come last, with
        # positions below those of other feeds.
        self._reached = Counter(dict.fromkeys([*FOLLOWERS, "the tail", WORK, *spec.readers()], 0))
        self._moved = self._polled = 0.0

    def done(self) -> bool:
        now = time.monotonic()
        if now - self._polled < POLL_SECONDS:
            return False
        self._polled = now
        before = dict(self._reached)
        ends = self._poll()
        if self._reached != before or not self._moved:
            self._moved = now
        behind = [name for name, end in ends.items() if self._reached[name] < end]
        return not behind or now - self._moved > STALLED

    def _poll(self) -> dict[str, int]:
        """Updates how far each reader has come. Gives how far each must come."""
        with psycopg.connect(self._spec.database_url, autocommit=True) as connection:
            ((end,),) = connection.execute(LOG["end"]).fetchall()
            rows = connection.execute(LOG["positions"], {"names": FOLLOWERS}).fetchall()
            ((undone,),) = connection.execute(SQL["undone"]).fetchall()
            about = {"event_id": self._spec.event_id, "after": self._spec.start}
            messages: dict[str, int] = dict(connection.execute(SQL["messages"], about).fetchall())
        for name, position, *_ in rows:
            self._reached[str(name)] = int(position)
        self._reached.update(one.reader for one in self._heard.new())
        self._reached["the tail"] = max(chain([self._reached["the tail"]], *self._tail.new()))
        self._reached[WORK] = int(end) - undone  # of as many pieces
        readers = {r: messages.get(m, 0) for r, m in self._spec.readers().items()}
        return dict.fromkeys([*FOLLOWERS, "the tail", WORK], int(end)) | readers
