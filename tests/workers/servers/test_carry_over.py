"""An embedded cluster of an older major version of PostgreSQL, carried over to a newer one."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from domain.errors import Unavailable
from sql.migrate import migrate
from tests.product import ROOT
from tests.store import ask
from workers.servers import carry_over, postgres, postgres_binaries
from workers.servers.embedded import start_postgres
from workers.servers.postgres_binaries import Binaries, find
from workers.servers.roles import url_of_api

REAL = sorted(Path("/usr/lib/postgresql").glob("1[0-7]/bin"))
NEWEST = find(None)


def only(*programs: Binaries) -> tuple[object, ...]:
    return (lambda: iter(programs),)


@pytest.fixture(params=["faked", "real"] if REAL else ["faked"])
def older(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Binaries]:
    """Programs of an older major version: real ones where there are any, and the newer ones under
    another number (the cluster's own number is then overlooked)."""
    if request.param == "real":
        yield Binaries(REAL[-1], f"{REAL[-1].parent.name}.0")
        return
    fake = NEWEST._replace(version=f"{NEWEST.major - 1}.0")
    monkeypatch.setattr(
        postgres, "_major", lambda cluster: fake.major if cluster.exists() else None
    )
    yield fake


STEP = postgres._step


def without_set(home: postgres.Home, program: Sequence[str | Path], script: str = "") -> None:
    """initdb before 16 takes no settings."""
    STEP(home, [part for part in program if not str(part).startswith("--set=")], script)


def filled(data_dir: Path, older: Binaries, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(postgres_binaries, "FINDERS", only(older))
        patch.setattr(postgres_binaries, "OLDEST", 0)
        patch.setattr(postgres, "_step", without_set)
        server = start_postgres(data_dir)
        try:
            if older.major >= 16 or older.folder == NEWEST.folder:
                migrate(server.url)
                url_of_api(server.url, "secret")
            ask(server.url, "CREATE TABLE public.kept (id bigserial PRIMARY KEY, what text)")
            ask(
                server.url,
                "INSERT INTO kept (what) SELECT 'Zoë ' || i FROM generate_series(1, 500) AS i",
            )
        finally:
            server.stop()


def contents(url: str) -> list[tuple[object, ...]]:
    return ask(url, "SELECT id, what FROM kept ORDER BY id")


def test_data_is_carried_over_and_the_old_cluster_is_kept(
    tmp_path: Path,
    older: Binaries,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled(tmp_path, older, monkeypatch)
    monkeypatch.setattr(postgres_binaries, "FINDERS", only(NEWEST, older))
    server = start_postgres(tmp_path)
    try:
        assert len(contents(server.url)) == 500
        ask(server.url, "INSERT INTO kept (what) VALUES ('new')")
        assert contents(server.url)[-1] == (501, "new")
        ((number,),) = ask(server.url, "SHOW server_version_num")
    finally:
        server.stop()
    assert int(str(number)) // 10_000 == NEWEST.major
    assert (tmp_path / f"postgres/cluster.{older.major}/PG_VERSION").exists()
    assert sorted(p.name for p in (tmp_path / "postgres").iterdir()) == [
        *("cluster", f"cluster.{older.major}", "password"),
    ]
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(f"is of PostgreSQL {older.major}: carrying it over.")
    assert f"It is of PostgreSQL {NEWEST.major} now, with the same" in second


def test_cluster_that_cannot_be_carried_over_stays_as_it_is(
    tmp_path: Path, older: Binaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again with the next start."""
    filled(tmp_path, older, monkeypatch)
    monkeypatch.setattr(postgres_binaries, "FINDERS", only(NEWEST, older))
    plain = carry_over._held
    with monkeypatch.context() as patch:
        patch.setattr(
            carry_over, "_held", lambda url: plain(url) | {"public.kept": len(url), url: 1}
        )
        with pytest.raises(Unavailable, match="What was restored is not what was dumped: "):
            start_postgres(tmp_path)
    assert not (tmp_path / "postgres/cluster.carried").exists()
    server = start_postgres(tmp_path)
    try:
        assert len(contents(server.url)) == 500
    finally:
        server.stop()


def test_exchange_that_was_broken_off_between_its_two_renames_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, NEWEST, monkeypatch)
    (tmp_path / "postgres/cluster").rename(tmp_path / "postgres/cluster.carried")
    server = start_postgres(tmp_path)
    try:
        assert len(contents(server.url)) == 500
    finally:
        server.stop()


@pytest.mark.parametrize("version", ["9.6", "12", "what?"])
def test_command_ends_with_a_sentence_where_the_programs_are_not_there(
    tmp_path: Path, version: str
) -> None:
    cluster = tmp_path / "postgres/cluster"
    cluster.mkdir(parents=True, mode=0o700)
    (cluster / "PG_VERSION").write_text(f"{version}\n")
    done = subprocess.run(
        [sys.executable, "-m", "workers", "serve"],
        cwd=ROOT,
        env={"PATH": "/nowhere", "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    if version == "what?":
        assert "no data of PostgreSQL's" in sentence
    else:
        assert f"PostgreSQL {version.split('.')[0]}, which made the data in DATA_DIR" in sentence
        assert "then start again, and the data is carried over to a newer one" in sentence
