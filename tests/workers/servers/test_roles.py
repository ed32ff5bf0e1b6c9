"""The web reads and records, and can neither change what is recorded nor take away what refuses
that."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT

import psycopg
import pytest

from projections.engine.rebuild import rebuild
from projections.read_models import READ_MODELS
from tests.boards import clicks, opening, project, recording
from tests.domain.store.test_master_key import save
from tests.product import ROOT
from tests.store import ask
from workers.servers.embedded import running_postgres
from workers.servers.processes import until
from workers.servers.roles import url_of_api
from workers.servers.supervisor import PROGRAMS

PASSWORD = "it's a password"
AS = "WHERE application_name"
TABLES = (
    "SELECT schemaname || '.' || tablename FROM pg_tables "
    "WHERE schemaname IN ('events', 'views', 'work') ORDER BY 1"
)


@pytest.fixture
def limited(database: str) -> str:
    """The web's own way to this test's database, in which something has happened."""
    with recording(database) as record:
        record(*opening(), save("Ada"), *clicks(3))
    asyncio.run(project(database))
    return url_of_api(database, PASSWORD)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER log_only_grows ON events.log",
        "ALTER TABLE events.log DISABLE TRIGGER ALL",
        "CREATE OR REPLACE FUNCTION events.refuse() RETURNS trigger LANGUAGE sql AS ''",
        "SET session_replication_role = 'replica'",
        "UPDATE events.log SET topic = 'Nothing'",
        "DELETE FROM events.log",
        "TRUNCATE events.log",
        "DROP TABLE events.log",
        "SELECT setval('events.log_notification_id_seq', 1)",
        "UPDATE events.person_keys SET key = NULL, erased_at = now()",
        "DELETE FROM events.person_keys",
        "DELETE FROM events.master_key",
        "UPDATE events.master_key SET rewritten = true",
        "DELETE FROM events.command_keys",
        "UPDATE events.command_keys SET reply = ''",
        "UPDATE views.positions SET position = 0",
        "DELETE FROM views.leaderboard",
        "DELETE FROM work.leases",
        "UPDATE public.migrations SET checksum = ''",
        "CREATE TABLE public.mine ()",
        "CREATE SCHEMA mine",
        "SET ROLE rapport",
        "ALTER ROLE rapport_api SUPERUSER",
        "COPY events.log TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
    ],
)
def test_web_cannot(statement: str, limited: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(limited, statement)


def test_web_records_with_keys_of_persons_and_idempotency_keys(limited: str) -> None:
    before = ask(limited, "SELECT count(*) FROM events.log")
    with recording(limited) as record:
        record(save("Ben", "ben"), save("Ada again"))
    assert ask(limited, "SELECT count(*) FROM events.log")[0][0] == before[0][0] + 2


def test_web_reads_every_table_also_those_that_a_rebuild_has_made(
    limited: str, database: str
) -> None:
    for model in READ_MODELS:
        asyncio.run(rebuild(database, model))
    for (table,) in ask(limited, TABLES):
        assert ask(limited, f"SELECT count(*) >= 0 FROM {table}") == [(True,)]  # noqa: S608
    assert ask(limited, "SELECT count(*) FROM views.leaderboard") == [(1,)]


def test_web_reads_what_a_later_migration_adds(limited: str, database: str) -> None:
    ask(database, "CREATE TABLE views.later AS SELECT 1 AS one")
    assert ask(limited, "SELECT one FROM views.later") == [(1,)]


def test_password_is_changed_by_who_has_another(limited: str, database: str) -> None:
    other = url_of_api(database, "another")
    assert ask(other, "SELECT session_user::text") == [("rapport_api",)]
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(limited)


# The whole
@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The embedded database of a product that runs as by `make run`."""
    mine = ("DATABASE_URL", "NATS_URL", "MASTER_KEY", "JWT_SECRET", "JWT_JWKS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in mine}
    process = subprocess.Popen(
        [sys.executable, "-m", "workers", "serve"],
        cwd=ROOT,
        env=environment | {"DATA_DIR": str(tmp_path), "PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert any(line.startswith("Rapport is ready") for line in process.stdout)
        url = running_postgres(tmp_path)
        assert url
        yield url
    finally:
        process.send_signal(SIGINT)
        process.communicate(timeout=60)


def test_served_web_is_no_owner_and_keys_of_persons_are_wrapped(
    served: str, tmp_path: Path
) -> None:
    assert [program.owns for program in PROGRAMS] == [True, False]
    for name, user in (("rapport api", "rapport_api"), ("rapport relay", "rapport")):
        by_name = f"SELECT DISTINCT usename::text FROM pg_stat_activity {AS} = '{name}'"  # noqa: S608
        assert until(lambda asked=by_name, user=user: ask(served, asked) == [(user,)], 60)  # type: ignore[misc]
    assert ask(served, "SELECT count(*) FROM events.master_key") == [(1,)]
    for name in ("master-key", "postgres-api-password", "jwt-secret"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
