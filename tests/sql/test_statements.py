import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sql import HERE, statements

NAMED = re.compile(r"%\((\w+)\)s")
FILES = sorted(file.stem for file in HERE.glob("*.sql"))
RUN_BY_HAND = {("embedded", "create_database")}  # in single-user mode, where there is no BEGIN
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
        yield connection


@pytest.mark.parametrize(("file", "name"), ALL, ids=lambda part: part)
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
    unused = [
        (file, name)
        for file, name in ALL
        if f'"{name}"' not in code and not re.search(r"_(read|write)$", name)
    ]
    assert unused == []


def test_migrations_have_nothing_to_warn_about() -> None:
    squawk = Path(sys.executable).with_name("squawk")
    if not squawk.exists():
        pytest.skip("squawk is not installed here")
    files = sorted(map(str, (HERE / "migrations").glob("*.sql")))
    done = subprocess.run(
        [squawk, *files], cwd=HERE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
