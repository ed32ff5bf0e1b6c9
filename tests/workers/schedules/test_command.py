"""`python -m workers import-schedule`, as whoever runs it sees it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.agenda import Counts
from sql.migrate import migrate
from tests.api.agents.asking import nothing_recorded
from tests.product import ROOT, Product
from tests.workers.schedules.files import REAL, event, frab, real, xml
from workers.schedules import Odd, read
from workers.schedules.command import summary
from workers.servers.embedded import running_postgres, start_postgres

Run = subprocess.CompletedProcess[str]
ANNOUNCED = """INSERT INTO events.log (originator_id, originator_version, topic, state)
VALUES ('conference:evt_1', 1, 'ConferenceAnnounced', %s)"""
STATE = b"""{"at":"2026-01-01T00:00:00Z","actor":"a","tenant":"evt_1",
"data":{"name":"A conference","timezone":"Europe/Brussels"}}"""

KEPT = "had been changed by hand, and were kept so, whatever the file says."


def run(*arguments: str, given: bytes = b"", **environment: str) -> Run:
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "NATS_URL"}}
    ran = subprocess.run(
        [sys.executable, "-m", "workers", "import-schedule", *arguments],
        cwd=ROOT,
        env=kept | environment,
        input=given,
        capture_output=True,
        timeout=60,
    )
    return Run(ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def written(path: Path, *events: dict[str, object], **conference: Any) -> str:
    path.write_bytes(frab(*events, **conference))
    return str(path)


def said(ran: Run) -> str:
    assert (ran.returncode, ran.stderr) == (0, "")
    return re.sub(r"\d+\.\d s", "0.1 s", ran.stdout)


@pytest.fixture
def at(product: Product, tmp_path: Path) -> dict[str, str]:
    """The product that runs elsewhere; here is nothing of it."""
    return {"DATABASE_URL": product.database_url, "DATA_DIR": str(tmp_path / "data")}


def test_schedule_is_imported_and_again_only_what_changed(
    product: Product, at: dict[str, str], tmp_path: Path
) -> None:
    event_id, file = product.event(), tmp_path / "schedule.json"
    person = {"public_name": "Ada"}
    first = written(file, {"guid": "a", "persons": [person]}, {"guid": "b"}, {"guid": "c"})
    assert said(run(first, "--event", event_id, **at)) == (
        "Recording what has changed of 3 sessions.\n"
        f"small is in {event_id} after 0.1 s: sessions 3 added.\n"
        "1 speaker added or changed.\n"
        f"It is shown at /events/{event_id}/schedule.\n"
    )
    with nothing_recorded(product):
        assert said(run(first, "--event", event_id, **at)).splitlines()[1:] == [
            f"small is in {event_id} after 0.1 s: sessions 3 unchanged.",
            "Nothing has changed: all of it was known.",
            f"It is shown at /events/{event_id}/schedule.",
        ]
    later = frab({"guid": "a"}, {"guid": "b", "title": "On stacks", "duration": ""}, {"guid": "d"})
    where = "$.schedule.conference.days[0].rooms['Hall'][1].duration"
    ran = run("-", "--event", event_id, "--source", "small", given=later, **at)
    assert said(ran).splitlines()[1:] == [
        f"small is in {event_id} after 0.1 s: sessions 1 added, 2 changed, 1 cancelled.",
        "1 thing in the file was odd:",
        f"  {where}: is missing: taken as having no length",
        f"It is shown at /events/{event_id}/schedule.",
    ]


def test_broken_file_changes_nothing_and_says_where(
    product: Product, at: dict[str, str], tmp_path: Path
) -> None:
    event_id, file = product.event(), tmp_path / "schedule.xml"
    file.write_bytes(b"<schedule>\n<day>")
    with nothing_recorded(product):
        ran = run(str(file), "--event", event_id, **at)
        missing = run(str(tmp_path / "none.xml"), "--event", event_id, **at)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "schedule.xml: line 2, column 6: is no XML: no element found\n"
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "There is no file" in missing.stderr


def test_folder_and_what_is_no_id_are_said_to_be_that(at: dict[str, str], tmp_path: Path) -> None:
    file = written(tmp_path / "a.json", {"guid": "a"})
    folder, no_id = run(str(tmp_path), "--event", "evt_1", **at), run(file, "--event", "e!", **at)
    what = f"{tmp_path} is a folder: name the file in it that is the schedule.\n"
    assert (folder.returncode, folder.stdout, folder.stderr) == (2, "", what)
    assert (no_id.returncode, no_id.stdout) == (2, "")
    assert no_id.stderr.startswith("`e!` is no id of an event: that is 1 to 128 of the letters ")


def test_options_may_come_first_and_help_is_the_import_s_own(
    product: Product, at: dict[str, str], tmp_path: Path
) -> None:
    file = written(tmp_path / "a.json", {"guid": "a"})
    last = said(run("--source", "small", "--event", product.event(), file, **at)).splitlines()[-2]
    assert last.endswith("sessions 1 added.")
    assert said(run("--help", **at)).startswith("usage: python -m workers import-schedule ")


def test_event_that_is_not_there_is_not_made_and_it_is_said_how(
    product: Product, at: dict[str, str], tmp_path: Path
) -> None:
    with nothing_recorded(product):
        ran = run(written(tmp_path / "a.json", {"guid": "a"}), "--event", "evt_nowhere", **at)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "There is no event evt_nowhere here, so nothing was imported. Create it" in ran.stderr


def test_directory_without_data_stays_as_it_is(tmp_path: Path) -> None:
    file, data = written(tmp_path / "a.json", {"guid": "a"}), tmp_path / "data"
    ran = run(file, "--event", "evt_1", DATA_DIR=str(data))
    assert (ran.returncode, ran.stdout, data.exists()) == (1, "", False)
    assert "holds no data yet" in ran.stderr


def test_embedded_database_is_used_while_it_runs_and_when_it_does_not(tmp_path: Path) -> None:
    file, data = written(tmp_path / "a.json", {"guid": "a"}), tmp_path / "data"
    server = start_postgres(data)
    try:
        assert running_postgres(data) == server.url
        migrate(server.url)
        with psycopg.connect(server.url) as connection:
            connection.execute(ANNOUNCED, (STATE,))
        running = run(file, "--event", "evt_1", DATA_DIR=str(data))
    finally:
        server.stop()
    assert "evt_1 after 0.1 s: sessions 1 added." in said(running)
    assert running_postgres(data) is None
    assert "sessions 1 unchanged." in said(run(file, "--event", "evt_1", DATA_DIR=str(data)))


@real
def test_fosdem_2024_is_imported_with_its_speakers(product: Product, at: dict[str, str]) -> None:
    event_id, file = product.event(), str(REAL / "fosdem-2024.xml.gz")
    assert said(run(file, "--event", event_id, **at)).splitlines()[1:] == [
        f"fosdem-2024 is in {event_id} after 0.1 s: sessions 874 added.",
        "948 speakers added or changed.",
        f"It is shown at /events/{event_id}/schedule.",
    ]
    assert "sessions 874 unchanged." in said(run(file, "--event", event_id, **at))


# What is said
def counts(**some: int) -> Counts:
    zero = dict.fromkeys(Counts.__struct_fields__, 0)
    return Counts(**zero | some)


def test_summary_says_what_was_kept_by_hand_and_not_all_that_was_odd() -> None:
    odd = [Odd(f"line {n}", "is odd") for n in range(22)]
    given = counts(unchanged=1_204, kept_by_hand=2, kept_though_dropped=1)
    lines = list(summary("small", "evt_1", given, odd, 0.54321))
    assert lines[:5] == [
        "small is in evt_1 after 0.5 s: sessions 1,204 unchanged.",
        "Nothing has changed: all of it was known.",
        f"2 sessions of the unchanged {KEPT}",
        "1 session that the file has no longer was kept, as it had been changed by hand.",
        "22 things in the file were odd:",
    ]
    assert lines[-3:] == [
        "  line 19: is odd",
        "  and 2 more",
        "It is shown at /events/evt_1/schedule.",
    ]


@pytest.mark.parametrize(
    "file",
    [
        xml(*(event("2026-02-01T10:00Z", guid=id_) for id_ in "abc")),
        frab(*({"guid": id_} for id_ in "abc")),
        b'[{"title":"a","start":"2026-02-01T10:00Z"},{"title":"b"},{"title":"c"}]',
    ],
)
def test_reading_says_how_far_it_has_come(file: bytes) -> None:
    said: list[tuple[int, int]] = []
    read(file, on_progress=lambda done, total: said.append((done, total)))
    assert said == [(1, 3), (2, 3), (3, 3)]
