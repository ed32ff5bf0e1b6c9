"""The web reads and records, and can neither change what is recorded nor take away what refuses
that. Nor can the workers, who keep the read models. Only the owner migrates and erases."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.errors import Refused
from projections.engine import shadow
from projections.engine.rebuild import rebuild
from projections.read_models import READ_MODELS
from sql.migrate import migrate
from tests.boards import clicks, opening, project, recording
from tests.domain.store.test_master_key import save
from tests.product import ROOT
from tests.store import ask
from tests.workers.operations.test_upkeep import OLD_KEYS, OLD_REFUSALS, tidied
from workers.servers.embedded import running_postgres, start_postgres
from workers.servers.processes import until
from workers.servers.roles import url_of_api, url_of_worker
from workers.servers.supervisor import PROGRAMS

PASSWORD = "it's a password"
AS = "WHERE application_name"
OWNERS = "SELECT tableowner::text FROM pg_tables WHERE schemaname = 'views'"
LEFT = "SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^(rebuild|retired)_'"
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


@pytest.fixture
def worker(database: str, limited: str) -> str:
    """The workers' own way to the same."""
    return url_of_worker(database, PASSWORD)


OWNERS_ALONE = [
    "DROP TRIGGER log_only_grows ON events.log",
    "ALTER TABLE events.log DISABLE TRIGGER ALL",
    "ALTER TABLE events.log ADD COLUMN mine text",
    "CREATE OR REPLACE FUNCTION events.refuse() RETURNS trigger LANGUAGE sql AS ''",
    "SET session_replication_role = 'replica'",
    "UPDATE events.log SET topic = 'Nothing'",
    "DELETE FROM events.log",
    "TRUNCATE events.log",
    "DROP TABLE events.log",
    "DROP SCHEMA events CASCADE",
    "SELECT setval('events.log_notification_id_seq', 1)",
    "UPDATE events.person_keys SET key = NULL, erased_at = now()",
    "UPDATE events.person_keys SET key = ''",
    "DELETE FROM events.person_keys",
    "DELETE FROM events.master_key",
    "UPDATE events.command_keys SET reply = ''",
    "TRUNCATE events.command_keys",
    "DELETE FROM events.stamps",
    "UPDATE public.migrations SET checksum = ''",
    "CREATE TABLE public.mine ()",
    "CREATE TABLE events.mine ()",
    "CREATE TABLE work.mine ()",
    "DROP TABLE work.leases",
    "DROP SCHEMA views CASCADE",
    "SET ROLE rapport",
    "ALTER ROLE rapport_worker SUPERUSER",
    "COPY events.log TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
]
WORKERS = [
    "SELECT events.wrap_keys('{}', '{}', '{}', '{}')",
    "UPDATE events.master_key SET rewritten = true",
    "DELETE FROM events.command_keys",
    "DELETE FROM events.bulk_refusals",
    "INSERT INTO events.stamps VALUES (1024, 'infinity')",
    "UPDATE views.positions SET position = 0",
    "DELETE FROM views.leaderboard",
    "DELETE FROM work.leases",
    "CREATE TABLE views.mine ()",
    "CREATE SCHEMA rebuild_mine",
    "SET ROLE rapport_projector",
]


@pytest.mark.parametrize("statement", [*OWNERS_ALONE, *WORKERS])
def test_web_cannot(statement: str, limited: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(limited, statement)


@pytest.mark.parametrize("statement", OWNERS_ALONE)
def test_workers_cannot(statement: str, worker: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(worker, statement)


@pytest.mark.parametrize("statement", WORKERS)
def test_workers_can(statement: str, worker: str) -> None:
    ask(worker, statement)


def test_workers_destroy_no_key_that_is_wrapped(worker: str, database: str) -> None:
    """Nor write another one in its place."""
    before = ask(database, "SELECT person, number, key FROM events.person_keys")
    person, number, key = before[0]
    for old, new in ((key, key[::-1]), (key, b"x" * 32), (b"x" * 32, b"x" * 40)):
        wrap = "SELECT events.wrap_keys(%s, %s, %s, %s)"
        assert ask(worker, wrap, [person], [number], [old], [new]) == [(0,)]
    assert ask(database, "SELECT person, number, key FROM events.person_keys") == before


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


@pytest.mark.parametrize("first", ["the owner", "the workers"])
def test_read_model_is_rebuilt_by_either_after_the_other(
    worker: str, database: str, first: str
) -> None:
    """And goes on being kept."""
    who = [database, worker] if first == "the owner" else [worker, database]
    for url in (*who, *who):
        for model in READ_MODELS:
            asyncio.run(rebuild(url, model))
        with recording(worker) as record:
            record(*clicks(2))
        asyncio.run(project(worker))
    assert {owner for (owner,) in ask(database, OWNERS)} == {"rapport_projector"}
    assert ask(database, LEFT) == []


def test_table_that_an_earlier_version_rebuilt_is_kept_and_rebuilt_again(
    worker: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It makes tables as the owner. The workers say so before they could fail to exchange them."""
    with monkeypatch.context() as patched:
        patched.setitem(shadow.SQL, "act_as_owner", "SELECT %(tables)s::text[]")
        for model in READ_MODELS:
            asyncio.run(rebuild(database, model))
    assert "rapport" in {owner for (owner,) in ask(database, OWNERS)}
    with recording(worker) as record:
        record(*clicks(2))
    asyncio.run(project(worker))
    model = READ_MODELS[0]
    with pytest.raises(Refused, match=r"must be owner of table .* Run sql/roles.sql again"):
        asyncio.run(rebuild(worker, model))
    url_of_worker(database, PASSWORD)
    asyncio.run(rebuild(worker, model))
    assert {owner for (owner,) in ask(database, OWNERS)} == {"rapport_projector"}


def test_what_an_earlier_version_left_of_a_rebuild_stops_no_upkeep(
    worker: str, database: str
) -> None:
    ask(database, "CREATE SCHEMA rebuild_leaderboard")
    ask(database, "CREATE SCHEMA retired_leaderboard")
    asyncio.run(tidied(worker))
    assert len(ask(database, LEFT)) == 2
    url_of_worker(database, PASSWORD)
    asyncio.run(tidied(worker))
    assert ask(database, LEFT) == []


def test_upkeep_of_the_workers_does_all_of_it(worker: str, database: str) -> None:
    ask(database, OLD_KEYS)
    ask(database, OLD_REFUSALS)
    asyncio.run(tidied(worker))
    assert ask(database, "SELECT count(*) FROM events.command_keys") == [(8,)]
    assert ask(database, "SELECT count(*) FROM events.bulk_refusals") == [(8,)]


def test_table_that_a_migration_adds_to_the_log_is_out_of_the_workers_reach(
    worker: str, database: str
) -> None:
    """Once the roles are made again, as each start of `make run` does."""
    ask(database, "CREATE TABLE events.later AS SELECT 1 AS one")
    url_of_worker(database, PASSWORD)
    assert ask(worker, "SELECT one FROM events.later") == [(1,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(worker, "DELETE FROM events.later")


def test_owner_that_is_no_superuser_makes_roles_and_all_goes_on(tmp_path: Path) -> None:
    """In a database that somebody else runs, who gave it CREATEROLE."""
    server = start_postgres(tmp_path)
    try:
        for statement in (
            "CREATE ROLE owner LOGIN CREATEROLE PASSWORD 'theirs'",
            "CREATE DATABASE elsewhere OWNER owner",
        ):
            ask(server.url, statement)
        parts = {"user": "owner", "password": "theirs", "dbname": "elsewhere"}
        owner = make_conninfo("", **conninfo_to_dict(server.url) | parts)
        migrate(owner)
        worker = url_of_worker(owner, PASSWORD)
        with recording(url_of_api(owner, PASSWORD)) as record:
            record(*opening(), save("Ada"), *clicks(3))
        asyncio.run(project(worker))
        for url in (worker, owner, worker):
            asyncio.run(rebuild(url, READ_MODELS[0]))
        asyncio.run(tidied(worker))
        ask(owner, "ALTER TABLE views.leaderboard ADD COLUMN later integer")
        assert ask(owner, "SELECT count(*) FROM views.leaderboard") == [(1,)]
    finally:
        server.stop()


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
    assert [program.login for program in PROGRAMS] == ["rapport_worker", "rapport_api"]
    for name, user in (("rapport api", "rapport_api"), ("rapport relay", "rapport_worker")):
        by_name = f"SELECT DISTINCT usename::text FROM pg_stat_activity {AS} = '{name}'"  # noqa: S608
        assert until(lambda asked=by_name, user=user: ask(served, asked) == [(user,)], 60)  # type: ignore[misc]
    assert ask(served, "SELECT count(*) FROM events.master_key") == [(1,)]
    names = ("master-key", "postgres-api-password", "postgres-worker-password", "jwt-secret")
    for name in names:
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
