"""`python -m workers import-attendees`, as whoever runs it sees it; killed in the middle, too."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from sql.migrate import migrate
from tests.api.agents.asking import nothing_recorded
from tests.product import ROOT, Product
from tests.store import ask
from tests.waiting import PATIENCE
from tests.workers.attendees.files import as_csv
from workers.attendees.headers import NOT_UNDERSTOOD
from workers.servers.embedded import start_postgres
from workers.servers.processes import until

Run = subprocess.CompletedProcess[str]
ANNOUNCED = """INSERT INTO events.log (originator_id, originator_version, topic, state)
VALUES ('conference:evt_1', 1, 'ConferenceAnnounced', %s)"""
STATE = b"""{"at":"2026-01-01T00:00:00Z","actor":"a","tenant":"evt_1",
"data":{"name":"A conference","timezone":"Europe/Brussels"}}"""
SMALL = as_csv(["mail", "name", "shoe"], ["ada@b.c", "Ada", "7"], ["ben", "Ben", ""])
NO_ADDRESS = "is no e-mail address: write it as name@example.org, one in a cell"
LARGE = as_csv(["mail", "name"], *([f"p{n}@b.c", f"Person {n}"] for n in range(3_000)))
REGISTERED = "SELECT count(*) FROM events.log WHERE originator_id LIKE %s"


def started(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "NATS_URL"}}
    return subprocess.Popen(
        [sys.executable, "-m", "workers", "import-attendees", *arguments],
        cwd=ROOT,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **environment: str) -> Run:
    process = started(*arguments, **environment)
    out, err = process.communicate(timeout=120)
    return Run(arguments, process.returncode, out, err)


def said(ran: Run) -> list[str]:
    assert (ran.returncode, ran.stderr) == (0, "")
    return re.sub(r"\d+\.\d s", "0.1 s", ran.stdout).splitlines()


@pytest.fixture
def at(product: Product, tmp_path: Path) -> dict[str, str]:
    """The product that runs elsewhere; here is nothing of it."""
    return {"DATABASE_URL": product.database_url, "DATA_DIR": str(tmp_path / "data")}


def written(folder: Path, data: bytes) -> str:
    file = folder / "list.csv"
    file.write_bytes(data)
    return str(file)


def test_report_is_the_same_with_a_dry_run_and_without(
    product: Product, at: dict[str, str], tmp_path: Path
) -> None:
    event_id, file = product.event(), written(tmp_path, SMALL)
    rows = [
        "2 rows: 1 accepted, 1 rejected.",
        f"  rejected: line 3, mail: {NO_ADDRESS}",
        f"  odd: column `shoe`: {NOT_UNDERSTOOD}",
    ]
    with nothing_recorded(product):
        would = f"{event_id} would have after this: people 1 added. Nothing was recorded."
        assert said(run(file, "--event", event_id, "--dry-run", **at)) == [would, *rows]
        strict = run(file, "--event", event_id, "--strict", **at)
    assert (strict.returncode, strict.stdout) == (2, "")
    assert strict.stderr == "Nothing was imported, for 1 of 2 rows cannot be taken.\n"
    done = f"{event_id} after 0.1 s: people 1 added."
    assert said(run(file, "--event", event_id, **at)) == [done, *rows]


def test_import_that_is_killed_goes_on_with_the_same_file(
    product: Product, at: dict[str, str], tmp_path: Path
) -> None:
    event_id, file = product.event(), written(tmp_path, LARGE)
    streams = f"attendee:{event_id}:%"

    def registered() -> int:
        ((number,),) = ask(product.database_url, REGISTERED, streams)
        return int(number)

    process = started(file, "--event", event_id, **at)
    assert until(lambda: registered() > 0, PATIENCE)
    process.kill()
    process.communicate(timeout=30)
    before = registered()
    assert 0 < before < 3_000
    assert before % 256 == 0, "whole pieces"
    assert said(run(file, "--event", event_id, **at)) == [
        f"{event_id} after 0.1 s: people 3,000 added.",
        "3,000 rows: 3,000 accepted.",
    ]
    assert registered() == 3_000
    bulks = "SELECT count(DISTINCT originator_id) FROM events.log WHERE originator_id LIKE %s"
    assert ask(product.database_url, bulks, f"bulk:{event_id}:%") == [(1,)]
    with_none_twice = f"{event_id} after 0.1 s: people 3,000 unchanged."
    assert said(run(file, "--event", event_id, **at))[0] == with_none_twice


def test_what_cannot_be_read_is_said(at: dict[str, str], tmp_path: Path) -> None:
    folder, missing = run(str(tmp_path), "--event", "e"), run("none.csv", "--event", "e", **at)
    assert folder.stderr == f"{tmp_path} is a folder: name the file in it that is the list.\n"
    assert missing.stderr == "There is no file none.csv.\n"
    file = written(tmp_path, b"mail\nZo\xe9@b.c")
    assert run(file, "--event", "e", **at).stderr.startswith("line 2: is not utf-8 (byte 0xe9)")
    assert run(file, "--event", "e!", **at).stderr.startswith("`e!` is no id of an event")
    nowhere = run(file, "--event", "evt_nowhere", "--encoding", "windows-1252", **at)
    assert "There is no event evt_nowhere here, so nothing was imported." in nowhere.stderr
    assert nowhere.returncode == 1


def test_embedded_database_need_not_run(tmp_path: Path) -> None:
    file, data = written(tmp_path, SMALL), tmp_path / "data"
    server = start_postgres(data)
    try:
        migrate(server.url)
        with psycopg.connect(server.url) as connection:
            connection.execute(ANNOUNCED, (STATE,))
    finally:
        server.stop()
    first, again = (said(run(file, "--event", "evt_1", DATA_DIR=str(data))) for _ in range(2))
    assert "evt_1 after 0.1 s: people 1 added." in first
    assert "evt_1 after 0.1 s: people 1 unchanged." in again
