"""A process says at its start that it has another master key than the database is kept with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import Unavailable
from domain.store import master_key as keys
from tests.boards import opening, recording
from tests.conftest import of
from tests.domain.store.test_master_key import save
from tests.product import ROOT
from tests.store import ask
from workers.operations import dumps
from workers.servers.datadir import master_key
from workers.servers.master_key import unlock
from workers.servers.processes import free_port
from workers.settings import Settings

OTHER = "a5" * 32
SAID = (
    "Keys of persons here are wrapped with another MASTER_KEY than this process has. Give it the "
    "one that all others have; without it nobody can read what is personal. "
)
FROM_SETTING = "It comes from MASTER_KEY. Nothing was changed."


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_in_use", [])


@pytest.fixture
def sealed(database: str) -> str:
    with recording(database) as record:
        record(*opening(), save("Ada"))
    return database


def test_master_key_is_the_one_that_was_set_or_a_kept_one_for_us_alone(tmp_path: Path) -> None:
    assert master_key(Settings(master_key=OTHER, data_dir=tmp_path)) == OTHER
    assert not any(tmp_path.iterdir())
    made = master_key(Settings(data_dir=tmp_path))
    assert keys.parse(made)
    assert master_key(Settings(data_dir=tmp_path)) == made
    assert (tmp_path / "master-key").stat().st_mode & 0o777 == 0o600


def test_other_master_key_is_told_and_changes_nothing(sealed: str, tmp_path: Path) -> None:
    before = ask(sealed, "SELECT check_value::text FROM events.master_key")
    with pytest.raises(Unavailable) as refused:
        unlock(Settings(master_key=OTHER), sealed)
    assert refused.value.detail == SAID + FROM_SETTING
    with pytest.raises(Unavailable) as refused:
        unlock(Settings(data_dir=tmp_path), sealed)
    assert refused.value.detail == (
        f"{SAID}It comes from {tmp_path / 'master-key'}, as MASTER_KEY is not set. Nothing was "
        "changed."
    )
    unlock(Settings(master_key=f"{OTHER},{os.environ['MASTER_KEY']}"), sealed)
    unlock(Settings(master_key=os.environ["MASTER_KEY"]), sealed)
    assert ask(sealed, "SELECT check_value::text FROM events.master_key") == before


def test_database_that_is_away_or_older_is_not_waited_for(sealed: str) -> None:
    unlock(Settings(master_key=OTHER), f"postgresql://127.0.0.1:{free_port()}/none")
    ask(sealed, "DROP TABLE events.master_key")
    unlock(Settings(master_key=OTHER), sealed)


@pytest.mark.parametrize("program", [("api", "serve"), ("workers", "run"), ("workers", "export")])
def test_program_with_another_master_key_ends_with_that_sentence(
    program: tuple[str, str], sealed: str, tmp_path: Path
) -> None:
    given = {
        "DATABASE_URL": sealed,
        "NATS_URL": "" if "export" in program else f"nats://127.0.0.1:{free_port()}",
        "DATA_DIR": str(tmp_path),
        "PORT": str(free_port()),
        "MASTER_KEY": OTHER,
    }
    done = subprocess.run(
        [sys.executable, "-m", *program, *(["ada"] if "export" in program else [])],
        cwd=ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr.splitlines()[-1]) == ("", SAID + FROM_SETTING)
    assert OTHER not in done.stderr
    assert done.returncode in (1, 2)


def test_backup_is_of_use_with_its_master_key_alone(
    sealed: str, postgres: str, tmp_path: Path
) -> None:
    dumps.save(sealed, tmp_path / "backup")
    ask(postgres, "CREATE DATABASE restored_elsewhere")
    restored = of(postgres, "restored_elsewhere")
    dumps.restore(restored, tmp_path / "backup")
    with pytest.raises(Unavailable):
        unlock(Settings(master_key=OTHER), restored)
    unlock(Settings(master_key=os.environ["MASTER_KEY"]), restored)
    with recording(restored) as record:
        record(save("Ada again"))
    assert ask(restored, "SELECT count(*) FROM events.person_keys") == [(1,)]
