import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from projections.engine import feed, tables
from projections.live_feed import LIVE_FEED
from projections.read_model import Table
from projections.read_models import FEEDS, READ_MODELS
from sql import HERE, VIEWS, statements

NAMED = re.compile(r"%\((\w+)\)s")
FILES = sorted(file.stem for file in HERE.glob("*.sql"))
RUN_BY_HAND = {("embedded", "create_database")}  # in single-user mode, where there is no BEGIN
TEMPLATES = {"engine", "comparison"}  # worded from read models before they are statements
TABLES = [table for model in (*READ_MODELS, LIVE_FEED) for table in model.tables]
WORDED = {
    f"{statement.__name__} of {table.name}": statement(table)
    for statement in (tables.read_statement, tables.insert_statement, tables.write_statement)
    for table in TABLES
} | {
    f"{name} of {one.name}": feed.statement(name, one)
    for name in ("said_at", "told", "belated", "untell", "aged", "expire")
    for one in FEEDS
}
WORDED["since"] = feed.since_statement(FEEDS)
ALL = [
    (file, name) for file in FILES for name in statements(file) if (file, name) not in RUN_BY_HAND
]


def prepared(statement: str) -> str:
    """The statement as `PREPARE` takes it, with the parameters in the order of their names."""
    names = sorted(set(NAMED.findall(statement)))
    return NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", statement).replace("%%", "%")


@pytest.fixture(scope="module")
def connection(new_database: Callable[[], str]) -> Iterator["psycopg.Connection[object]"]:
    with psycopg.connect(new_database(), autocommit=True) as connection:
        connection.execute(statements("log")["in_schema"], {"schema": VIEWS})
        yield connection


@pytest.mark.parametrize("name", WORDED)
def test_worded_statement_is_understood_by_the_migrated_database(
    connection: "psycopg.Connection[object]", name: str
) -> None:
    text = prepared(WORDED[name].decode()).rstrip().rstrip(";")
    connection.execute(f"PREPARE one AS {text}".encode())
    connection.execute("DEALLOCATE one")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_table_has_the_columns_and_the_key_of_its_struct(
    connection: "psycopg.Connection[object]", table: Table
) -> None:
    columns = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped",
        [f"views.{table.name}"],
    ).fetchall()
    key = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype = 'p'",
        [f"views.{table.name}"],
    ).fetchall()
    assert {name for (name,) in columns} == set(table.columns)
    assert [row[0].replace('"', "") for row in key] == [
        f"PRIMARY KEY ({', '.join(table.key_columns)})"
    ]


@pytest.mark.parametrize(
    ("file", "name"), [one for one in ALL if one[0] not in TEMPLATES], ids=lambda part: part
)
def test_statement_is_understood_by_the_migrated_database(
    connection: "psycopg.Connection[object]", file: str, name: str
) -> None:
    text = prepared(statements(file)[name]).rstrip().rstrip(";")
    body = re.sub(r"^\s*--.*\n", "", text, flags=re.MULTILINE)
    if body.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE"}:
        connection.execute(f"PREPARE one AS {body}".encode())
        connection.execute("DEALLOCATE one")
    else:
        with connection.transaction(force_rollback=True):
            if not body.startswith(("BEGIN", "COMMIT", "VACUUM")):
                connection.execute(body.encode())


@pytest.mark.parametrize(("file", "name"), ALL, ids=lambda part: part)
def test_statement_says_what_it_is_for(file: str, name: str) -> None:
    assert re.match(r"-- \S", statements(file)[name])


def test_every_statement_is_used() -> None:
    root = HERE.parent
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("domain", "projections", "workers", "api", "sql")
        for path in (root / folder).rglob("*.py")
    )
    assert [(file, name) for file, name in ALL if f'"{name}"' not in code] == []


def test_migrations_have_nothing_to_warn_about() -> None:
    squawk = Path(sys.executable).with_name("squawk")
    files = sorted(map(str, (HERE / "migrations").glob("*.sql")))
    done = subprocess.run(
        [squawk, *files], cwd=HERE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
