import itertools
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from sql.migrate import EDITED, Migration, MigrationChangedError, left, migrate
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


# What has landed
LANDED = {
    "0001_events.sql": "4d075076dbb24096252dd10f00e6e233190b40ed87433b72df68cb252c241972",
    "0002_views.sql": "269fc9264eec4a8c787ea32e0eeec4ee83b1fbfde585a3cfd26634e606c41de4",
    "0003_sums_of_points.sql": "fa412737da861391bedf5a028fc47b0d7cb96f0e282a22db024af3ce060216f2",
    "0004_sessions.sql": "00e0c41af399221a8b1219a47a650aed0015b83cd5bdcb79c95a7653f3749e6d",
    "0005_rebuild.sql": "bcad509f6714e27892d97085231c69280bb36be647f5717bf4a07dce1b50a73d",
    "0006_parked.sql": "ebe9c67f2be8cf9373ec8a12af4f6990070d258e42b773d373effb5bf329f231",
    "0007_people.sql": "0c6e67e672c5eb63226d46e46d4698a75d4dce77f6b5c8132c74882751196071",
    "0008_two_streams_and_bulks.sql": (
        "18105d5f29d7dda438160c7593809c8cf7ac88ce356638b27e31d57facf12496"
    ),
    "0009_live_feeds.sql": "bb0dba64d9538a8b39cbf828566c288b7c0b83b2d964c0b0a710b20bb180caac",
    "0010_work.sql": "d91f3d6540305997dc54927053778f8f3776401d48f5aee5b2f5e62f514e7f5b",
    "0011_reads.sql": "88dfd3ccec7948705e9e0438be11bf337d128154d85e0da6d0fd1015235cfda4",
    "0012_belated.sql": "d750c9b6ce9cac44a1bd4bff1675bb264c9c40629470174f6f9b81c4f857d62c",
    "0013_master_key.sql": "dcd1aef59717e4bf859b52e9893cb552c6e1c87690e1b3962f58ff0f5950fbc8",
    "0014_command_keys.sql": "58c4038540680b1a16b520a3f509e9a67549feb1cd16ea1b7b6f33b947a79671",
}
FOLDER = Path(__file__).parent.parent.parent / "sql" / "migrations"


def test_migration_that_has_landed_is_never_edited() -> None:
    """Whoever lands one adds it here."""
    now = {name: sha256((FOLDER / name).read_bytes()).hexdigest() for name in LANDED}
    assert now == LANDED


def schema(database: str) -> list[tuple[object, ...]]:
    return ask(
        database,
        """SELECT table_schema, table_name, column_name, data_type, collation_name, is_nullable,
            column_default
        FROM information_schema.columns WHERE table_schema IN ('events', 'views', 'work', 'public')
        UNION ALL
        SELECT connamespace::regnamespace::text, conrelid::regclass::text, conname,
            pg_get_constraintdef(oid), NULL, NULL, NULL
        FROM pg_constraint WHERE connamespace::regnamespace::text IN ('events', 'views', 'work')
        ORDER BY 1, 2, 3""",
    )


def test_database_where_a_migration_ran_before_it_was_edited_gets_to_the_same_end(
    empty: str, tmp_path: Path, database: str
) -> None:
    """The version before 15fd1f6 made no table of what was dropped."""
    for file in sorted(FOLDER.glob("*.sql"))[:6]:
        shutil.copy(file, tmp_path / file.name)
    parked = tmp_path / "0006_parked.sql"
    before, rest = parked.read_text().split("-- What was dropped of them")
    parked.write_text(before + rest.partition(");\n\n")[2])
    assert sha256(parked.read_bytes()).hexdigest() == EDITED["0006_parked.sql"].checksum
    migrate(empty, tmp_path)
    assert migrate(empty)[0] == "0007_people.sql"
    assert schema(empty) == schema(database)
    assert migrate(empty) == []


# Beside a version that runs
INDEX = """-- without transaction
-- what one looks for; so

CREATE INDEX CONCURRENTLY IF NOT EXISTS a_id_idx
ON public.a (id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS a_b_idx ON public.a (b);
"""
A = "CREATE TABLE public.a (id bigint PRIMARY KEY, b integer); INSERT INTO public.a VALUES (1, 1);"
INDEXES = """SELECT c.relname, i.indisvalid FROM pg_index AS i JOIN pg_class AS c
    ON c.oid = i.indexrelid WHERE starts_with(c.relname, 'a_') ORDER BY 1"""
MADE = [("a_b_idx", True), ("a_id_idx", True), ("a_pkey", True)]


def test_index_is_built_without_a_transaction_while_others_wait_for_their_turn(
    empty: str, tmp_path: Path, write: Write
) -> None:
    write("0001_a.sql", A)
    write("0002_b.sql", INDEX)
    with ThreadPoolExecutor(4) as pool:
        ran = list(pool.map(lambda _: migrate(empty, tmp_path), range(4)))
    assert sorted(ran) == [[], [], [], ["0001_a.sql", "0002_b.sql"]]
    assert ask(empty, INDEXES) == MADE


def test_index_that_was_left_half_made_is_made_when_it_runs_again(
    empty: str, tmp_path: Path, write: Write
) -> None:
    write("0001_a.sql", A.replace("(1, 1)", "(1, 1), (2, 1)"))
    write("0002_b.sql", INDEX.replace("INDEX CONCURRENTLY IF NOT EXISTS a_b", UNIQUE))
    with pytest.raises(psycopg.errors.UniqueViolation) as raised:
        migrate(empty, tmp_path)
    assert raised.value.__notes__ == [
        "in the migration 0002_b.sql; what ran of it before will run again"
    ]
    assert ("a_b_idx", False) in ask(empty, INDEXES)
    ask(empty, "UPDATE public.a SET b = id")
    assert migrate(empty, tmp_path) == ["0002_b.sql"]
    assert ask(empty, INDEXES) == MADE


UNIQUE = "UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_b"


def test_what_has_to_wait_for_the_end_of_the_version_before_is_left_and_then_runs(
    empty: str, tmp_path: Path, write: Write
) -> None:
    """Unless something of a version after it follows: that one's deploy is another."""
    write("0001_a.sql", "-- after deploy: nothing\n" + A)
    write("0002_b.sql", "-- before deploy: nothing reads it yet\n\n" + CREATE.format("b"))
    write("0003_c.sql", "-- of a table\n-- after deploy\n" + CREATE.format("c"))
    assert migrate(empty, tmp_path, after=False) == ["0001_a.sql", "0002_b.sql"]
    assert left(empty, tmp_path) == ["0003_c.sql"]
    assert migrate(empty, tmp_path) == ["0003_c.sql"]
    assert left(empty, tmp_path) == []


def test_migration_after_those_that_have_landed_says_when_it_runs() -> None:
    files = [f for f in sorted(FOLDER.glob("*.sql")) if f.name not in LANDED]
    marks = {f.name: Migration(f.name, f.read_text()).marks for f in files}
    assert [
        name for name, of in marks.items() if not {"before deploy", "after deploy"} & {*of}
    ] == []


@pytest.mark.parametrize("used", [True, False])
def test_keys_of_a_database_that_was_used_stay_plain_until_somebody_says_otherwise(
    used: bool, empty: str, tmp_path: Path
) -> None:
    """An earlier version may still run on it. In a new one they are wrapped from the first on."""
    for file in sorted(FOLDER.glob("*.sql")):
        if file.name < "0013":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    migrate(empty, tmp_path)
    if used:
        ask(empty, "INSERT INTO events.person_keys (person, number, key) VALUES ('a', 1, 'b')")
    migrate(empty)
    found = ask(empty, "SELECT check_value, rewritten FROM events.master_key")
    assert found == ([] if used else [(None, True)])
