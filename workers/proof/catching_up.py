"""Once nothing new begins: who has not yet come to the end of the log."""

import time
from itertools import chain

import psycopg

from projections.engine.event_log import SQL as LOG
from projections.read_models import READ_MODELS
from sql import statements
from workers.proof.ledger import Heard, Page
from workers.proof.spec import Spec

SQL = statements("proof")
FOLLOWERS = [*(model.name for model in READ_MODELS), "relay"]
PATIENCE = 6.0  # seconds in which somebody must move on
EACH = 0.1


class CatchingUp:
    """`done` once everybody has, or when nobody moves on any more: what they lack by then, they
    lack."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._tail = Page(spec.file("tail.jsonl"), list[int])
        self._heard = Page(spec.file("heard.jsonl"), Heard)
        self._came = dict.fromkeys([*FOLLOWERS, "the tail", *spec.readers()], 0)
        self._moved = self._looked = 0.0

    def done(self) -> bool:
        now = time.monotonic()
        if now - self._looked < EACH:
            return False
        self._looked = now
        before = dict(self._came)
        wanted = self._poll()
        if self._came != before or not self._moved:
            self._moved = now
        behind = [name for name, end in wanted.items() if self._came[name] < end]
        return not behind or now - self._moved > PATIENCE

    def _poll(self) -> dict[str, int]:
        """Where each must come; how far they have come is kept."""
        with psycopg.connect(self._spec.database_url, autocommit=True) as connection:
            ((end,),) = connection.execute(LOG["end"]).fetchall()
            rows = connection.execute(LOG["positions"], {"names": FOLLOWERS}).fetchall()
            event = {"event_id": self._spec.event_id}
            told: dict[str, int] = dict(connection.execute(SQL["last_messages"], event).fetchall())
        self._came |= {str(row[0]): int(row[1]) for row in rows}
        self._came |= {one.reader: one.position for one in self._heard.new()}
        self._came["the tail"] = max(chain([self._came["the tail"]], *self._tail.new()))
        readers = {r: told.get(m, 0) for r, m in self._spec.readers().items()}
        return dict.fromkeys([*FOLLOWERS, "the tail"], int(end)) | readers
