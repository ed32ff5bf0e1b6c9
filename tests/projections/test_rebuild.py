"""Read models built anew, on a real Postgres."""

import asyncio
from typing import Any

import pytest

from projections.read_models import READ_MODELS
from projections.rebuild import Rebuilt, rebuild
from tests.boards import clicks, end_of, opening, project, recording
from tests.store import ask


def tables_of(database: str) -> list[Any]:
    """Tables, their indexes, keys and checks, as the catalogue has them."""
    return ask(
        database,
        """SELECT 'index', indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'views'
        UNION ALL
        SELECT 'constraint', conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'views'::regnamespace
        UNION ALL
        SELECT 'table', relname, relpersistence::text || coalesce(reloptions::text, '')
        FROM pg_class WHERE relnamespace = 'views'::regnamespace AND relkind = 'r'
        UNION ALL
        SELECT 'column', attrelid::regclass::text || '.' || attname,
            format_type(atttypid, atttypmod) || attnotnull || attcollation
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'views'::regnamespace AND relkind = 'r' AND attnum > 0
        ORDER BY 1, 2, 3""",
    )


def schemas(database: str) -> set[str]:
    rows = ask(database, "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_'")
    return {name for (name,) in rows}


SCHEMAS = {"events", "views", "public", "information_schema"}


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_rebuilt_tables_are_like_those_of_the_migrations(database: str, model: Any) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(30))
    asyncio.run(project(database))
    before = tables_of(database)
    oids = ask(database, "SELECT 'views.leaderboard'::regclass::oid")
    done = asyncio.run(rebuild(database, model))
    assert tables_of(database) == before
    assert schemas(database) == SCHEMAS
    assert (done.position, done.different) == (end_of(database), [])
    moved = ask(database, "SELECT 'views.leaderboard'::regclass::oid") != oids
    assert moved == (model.name == "leaderboard")
