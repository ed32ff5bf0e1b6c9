"""Our read models, kept by the eventsourcing library's `ProjectionRunner` as it is documented: an
event, a transaction. The rows stay in memory here, so all that it asks of Postgres is to write."""

import time

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import ApplicationRecorder, Mapper, Tracking
from eventsourcing.postgres import (
    PostgresApplicationRecorder,
    PostgresFactory,
    PostgresTrackingRecorder,
)
from eventsourcing.projection import Projection, ProjectionRunner
from msgspec import json

from domain.aggregate import Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.envelope import EnvelopeMapper
from projections.engine.tables import write_statement
from projections.read_model import Rows, fold
from projections.read_models import READ_MODELS
from tests.bench.stock import environment


class Log(Application[str]):
    """events.log, as the library reads it."""

    def construct_mapper(self) -> Mapper[str]:
        return EnvelopeMapper(AGGREGATES, RENAMED)

    def construct_recorder(self) -> ApplicationRecorder:
        assert isinstance(self.factory, PostgresFactory)
        return PostgresApplicationRecorder(self.factory.datastore, events_table_name="log")


class Views(PostgresTrackingRecorder):
    def keep(self, recorded: Recorded, rows: Rows, tracking: Tracking) -> None:
        touched = fold(rows, (c for model in READ_MODELS for c in model.project(recorded)))
        with self.datastore.transaction(commit=True) as cursor:
            for table, keys in touched.items():
                written = json.encode([rows[table][key] for key in keys]).decode()
                cursor.execute(write_statement(table), {"rows": written}, prepare=True)
            self._insert_tracking(cursor, tracking)


class Boards(Projection[Views]):
    def __init__(self, view: Views) -> None:
        super().__init__(view)
        self.rows: Rows = {}
        self.at = 0.0

    def process_event(self, domain_event: Recorded, tracking: Tracking) -> None:
        self.view.keep(domain_event, self.rows, tracking)
        self.at = time.monotonic()


def project(database_url: str, events: int) -> float:
    """The first events of the log; how many a second."""
    environ = environment(database_url) | {
        "POSTGRES_SCHEMA": "events",
        "ORIGINATOR_ID_TYPE": "text",
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS events.boards_tracking")
    started = time.monotonic()
    with ProjectionRunner(
        application_class=Log, projection_class=Boards, view_class=Views, env=environ
    ) as runner:
        runner.wait(events, timeout=120)
        return events / (runner.projection.at - started)  # wait() itself looks now and then
