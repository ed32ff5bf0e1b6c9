import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from sql import HERE
from sql.migrate import MigrationChangedError, migrate
from tests.conftest import of
from tests.store import ask

_numbers = itertools.count()

Write = Callable[[str, str], None]

CREATE = "CREATE TABLE public.{0} (id bigint PRIMARY KEY); SELECT pg_sleep(0.05);"


@pytest.fixture
def empty(postgres: str) -> str:
    name = f"rapport_empty_{next(_numbers)}"
    ask(postgres, f"CREATE DATABASE {name}")
    return of(postgres, name)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)

    return write


def tables(database: str) -> list[str]:
    found = ask(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in found]


def test_files_run_once_in_their_order(empty: str, tmp_path: Path, write: Write) -> None:
    write("0002_b.sql", "ALTER TABLE public.a ADD COLUMN b text DEFAULT '100 %';")
    write("0001_a.sql", CREATE.format("a"))
    assert migrate(empty, tmp_path) == ["0001_a.sql", "0002_b.sql"]
    assert migrate(empty, tmp_path) == []
    write("0003_c.sql", CREATE.format("c"))
    assert migrate(empty, tmp_path) == ["0003_c.sql"]


def test_many_at_once_run_each_file_once(empty: str, tmp_path: Path, write: Write) -> None:
    for i in range(4):
        write(f"000{i}.sql", CREATE.format(f"t{i}"))
    with ThreadPoolExecutor(6) as pool:
        ran = list(pool.map(lambda _: migrate(empty, tmp_path), range(6)))
    assert sorted(ran) == [[]] * 5 + [[f"000{i}.sql" for i in range(4)]]


def test_file_that_fails_leaves_nothing_and_says_where(
    empty: str, tmp_path: Path, write: Write
) -> None:
    write("0001_a.sql", CREATE.format("a"))
    write("0002_b.sql", CREATE.format("b") + "SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero) as raised:
        migrate(empty, tmp_path)
    assert raised.value.__notes__ == ["in the migration 0002_b.sql; nothing of it was kept"]
    assert tables(empty) == ["a", "migrations"]
    write("0002_b.sql", CREATE.format("b"))
    assert migrate(empty, tmp_path) == ["0002_b.sql"]


def test_file_that_was_edited_after_it_ran_is_refused_in_a_sentence(
    empty: str, tmp_path: Path, write: Write
) -> None:
    write("0001_a.sql", CREATE.format("a"))
    migrate(empty, tmp_path)
    write("0001_a.sql", CREATE.format("a") + "-- better")
    write("0002_b.sql", CREATE.format("b"))
    with pytest.raises(MigrationChangedError) as raised:
        migrate(empty, tmp_path)
    assert str(raised.value) == (
        "0001_a.sql has run here with another text. "
        "A migration that has run is never edited: write a new one with the next number."
    )
    assert tables(empty) == ["a", "migrations"]


def test_migrations_of_the_product_are_numbered_without_a_gap() -> None:
    folder = Path(__file__).parent.parent.parent / "sql" / "migrations"
    numbers = [int(file.name[:4]) for file in sorted(folder.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("used", [True, False])
def test_keys_of_a_database_that_was_used_stay_plain_until_somebody_says_otherwise(
    used: bool, empty: str, tmp_path: Path
) -> None:
    """An earlier version may still run on it. In a new one they are wrapped from the first on."""
    for file in sorted((HERE / "migrations").glob("*.sql")):
        if file.name < "0014":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    migrate(empty, tmp_path)
    if used:
        ask(empty, "INSERT INTO events.person_keys (person, number, key) VALUES ('a', 1, 'b')")
    migrate(empty)
    found = ask(empty, "SELECT check_value, rewritten FROM events.master_key")
    assert found == ([] if used else [(None, True)])
