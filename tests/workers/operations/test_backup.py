"""A backup that is one file, and a restore of it, on the set-up that there is by default."""

import os
from pathlib import Path

import psycopg
import pytest

from domain.errors import Invalid, Refused, Unavailable
from tests.boards import clicks, opening, recording
from tests.store import ask
from workers.__main__ import main as command
from workers.operations import backup, restore
from workers.operations.dumps import program
from workers.servers.embedded import start_postgres

LOG = "SELECT notification_id, originator_id, topic, state FROM events.log ORDER BY 1"


@pytest.fixture(autouse=True)
def _on(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1:1")  # nobody is there, nor needed


def test_backup_is_restored_into_an_embedded_server_that_is_made_for_it(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And from that one, which runs no more, the next one is made."""
    with recording(database) as record:
        record(*opening(), *clicks(3))
    first, second = tmp_path / "first", tmp_path / "second"
    assert backup.main([str(first)]) == 0
    said = capsys.readouterr().out
    assert f"{first} is whole" in said
    assert first.stat().st_mode & 0o777 == 0o600

    monkeypatch.delenv("DATABASE_URL")
    assert restore.main([str(first)]) == 0
    assert backup.main([str(second)]) == 0
    server = start_postgres(tmp_path / "data")
    try:
        assert ask(server.url, LOG) == ask(database, LOG) != []
        with pytest.raises(Refused, match="holds a log already"):
            restore.main([str(second)])
        assert backup.main([str(tmp_path / "third")]) == 0
    finally:
        server.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "first", "second", "third"]


def test_no_file_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backup"
    file.write_text("of yesterday")
    assert command(["backup", str(file)]) == 2
    assert capsys.readouterr().err == f"{file} is there already. Name another, or remove it.\n"
    assert file.read_text() == "of yesterday"


def test_backup_that_fails_leaves_nothing(database: str, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    (tmp_path / "backup.partial").write_text("of one that was killed")
    with pytest.raises(Unavailable, match="pg_dump failed"):
        backup.save(f"{database}-gone", file, _major(database))
    assert list(tmp_path.iterdir()) == []


def test_database_without_a_log_is_not_backed_up(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA events CASCADE")
    with pytest.raises(Refused, match="no log"):
        backup.main([str(tmp_path / "backup")])


def test_restore_of_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no file"):
        restore.main([str(tmp_path / "missing")])


def test_program_of_another_major_version_is_not_taken(database: str) -> None:
    major = _major(database)
    assert os.access(program("pg_dump", major), os.X_OK)
    with pytest.raises(Unavailable, match=f"pg_dump of PostgreSQL 99 is needed.*{major}"):
        program("pg_dump", 99)


def _major(database_url: str) -> int:
    return backup.look_at(database_url).major
