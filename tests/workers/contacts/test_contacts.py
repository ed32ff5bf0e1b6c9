"""A conference replayed: what the rules make of contacts is what follows from their file."""

import gzip
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jwt
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import Aggregate, Command, Recorded, stream_of
from domain.capabilities import AGGREGATES
from domain.errors import Invalid
from tests.harness.play import placed
from workers.contacts import check, replay
from workers.contacts.commands import Contact, Guest, preparations, read, replayed, survey

ZONE = ZoneInfo("Europe/Berlin")
MORNING = 1_480_486_100
DAY = 86_400


def steps(people: int) -> st.SearchStrategy[list[tuple[int, int, int]]]:
    """Talks of some steps each, on two days, that overlap and break off."""
    pair = st.tuples(st.integers(0, people), st.integers(0, people)).filter(lambda p: p[0] != p[1])
    talk = st.tuples(pair, st.integers(0, 30), st.integers(1, 18), st.booleans())
    return st.lists(talk, min_size=1, max_size=30).map(_lines)


def _lines(talks: Sequence[Any]) -> list[tuple[int, int, int]]:
    lines = {
        (MORNING + DAY * next_day + 20 * (start + i), *pair)
        for pair, start, length, next_day in talks
        for i in range(length)
    }
    return sorted(lines)


def written(path: Path, lines: Iterable[tuple[int, int, int]]) -> Path:
    path.write_text("".join(f"{t}\t{i}\t{j}\n" for t, i, j in lines))
    return path


class Log:
    """The deciders over a log in memory."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self._aggregates = {a.name: a for a in AGGREGATES}
        self._states: dict[str, Any] = {}

    def execute(self, command: Command) -> None:
        own = stream_of(command)
        given_ = {field: self._state(other) for field, other in command.given().items()}
        events = self._of(own).decide(replace(command, **given_), self._state(own))
        for name, event in placed(command, events):
            at = datetime.fromtimestamp(len(self.events), UTC)
            self.events.append(Recorded(len(self.events) + 1, name, 0, event, at, "", ""))
            self._states[name] = self._of(name).evolve(self._state(name), event, at)

    def _of(self, name: str) -> Aggregate:
        return self._aggregates[name.partition(":")[0]]

    def _state(self, name: str) -> Any:
        return self._states.get(name, self._of(name).initial)


@given(steps(people=12))
def test_replay_completes_what_follows_from_the_file(lines: list[tuple[int, int, int]]) -> None:
    file = [Contact(t, f"p{i:03}", f"p{j:03}") for t, i, j in lines]
    people = sorted({p for contact in file for p in contact[1:]})
    scope = replay.Survey("evt", ZONE, len(file), people, file[0].t, file[-1].t)
    log, guests = Log(), defaultdict[str, Guest](Guest)
    played = itertools.chain.from_iterable(replayed(contact, scope, guests) for contact in file)
    for command in [*preparations(scope), *played]:
        log.execute(command)
    folded = check.LogFold()
    for recorded in log.events:
        if recorded.scope_id == "evt":
            folded.add(recorded)
    log_result = folded.result(people)

    assert list(check.differences(check.from_file(file, ZONE), log_result, log_result.result)) == []


def test_file_comes_to_what_a_person_would_count() -> None:
    talk = [Contact(MORNING + 20 * i, "p001", "p002") for i in range(15)]
    others = [Contact(MORNING + 400, "p001", f"p{i:03}") for i in range(3, 12)]
    again = [Contact(MORNING + DAY, "p001", "p002")]
    told = check.from_file([*talk, *others, *again], ZONE)

    assert told.result.ledgers["p001"] == (
        ("first_contact", "member", 5),
        ("long_talk", "member", 10),
        ("meet_attendees", "profiles_viewed", 15),
        ("ten_people", "member", 20),
        ("meet_again", "member", 10),
        ("well_connected", "member", 25),
    )
    assert told.when["p001", "long_talk"] == MORNING  # of this pair, the first of the day
    assert told.when["p001", "ten_people"] == MORNING + 400
    assert told.result.leaders[:3] == [("p001", 85, 6), ("p002", 25, 3), ("p003", 5, 1)]
    assert told.reports == 22


@pytest.fixture
def servers(database: str, nats: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("NATS_URL", nats)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return database


def play(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert replay.main([str(path)]) == 0
    return capsys.readouterr().out.splitlines()


def small_conference(path: Path) -> Path:
    """Each of 14 sits with the next for six minutes, on two days."""
    pairs = [(i, (i + 1) % 14) for i in range(14)] + [(0, j) for j in range(2, 13)]
    return written(
        path,
        sorted(
            (MORNING + DAY * d + 20 * s, i, j) for d in (0, 1) for s in range(18) for i, j in pairs
        ),
    )


def test_replay_holds_on_a_generated_conference_and_again_adds_nothing(
    servers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_conference(tmp_path / "small-replay.tij")
    first, again = play(path, capsys), play(path, capsys)

    assert first[1] == "Playing 900 contacts of 14 people as event small."
    assert first[2].startswith("1,860 commands added 172 events in ")
    assert again[2].startswith("1,860 commands added 0 events in ")
    assert again[2].endswith(" commands/s. All of it had been played before.")
    assert first[-1].startswith("The check holds: 56 missions of 14 people, ")
    assert again[-1] == first[-1]


def test_replay_ends_with_a_link_to_the_board_of_who_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "NATS_URL", "JWT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PORT", "8123")
    later = [(MORNING + 20 * i, 1, 2) for i in range(2)] + [(MORNING + 60, 2, 3)]
    told = play(written(tmp_path / "head.tij", later), capsys)
    token = told[-1].partition("#token=")[2].partition("&to=")[0]

    assert told[-2] == (
        f"To look at it, run `make run DATA_DIR={tmp_path}/data PORT=8123`, and then open the "
        "board of who leads:"
    )
    assert told[-1].endswith("&to=/events/head")
    assert jwt.decode(token, options={"verify_signature": False})["sub"] == "p001"


def test_replay_names_the_board_that_is_not_what_the_file_says(
    servers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_conference(tmp_path / "small.tij")
    play(path, capsys)
    with psycopg.connect(servers, autocommit=True) as connection:
        connection.execute(
            "UPDATE views.leaderboard SET points_earned = 99 WHERE member_id = 'p005'"
        )
    assert replay.main([str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        (
            "The leaderboard first differs at place 1: p000 with 85 points for 6 missions by the "
            "file, p005 with 99 points for 4 missions by the tables."
        ),
        "The check found 1 difference between the file and the boards.",
    ]


def test_replay_holds_on_the_first_minutes_of_a_real_conference(
    servers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not replay.DEFAULT.exists():
        pytest.skip("needs ../shared/data/matching/ws16-replay.tij.gz")
    path = tmp_path / "ws16-slice.tij.gz"
    with gzip.open(replay.DEFAULT, "rt") as real, gzip.open(path, "wt") as slice_:
        slice_.writelines(itertools.islice(real, 3_000))

    assert play(path, capsys)[-1].startswith("The check holds: ")


@pytest.mark.parametrize("line", ["1480486120 5 5", "1480486120 5", "1480486000 5 6", "x 5 6", ""])
def test_line_that_is_no_contact_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.tij"
    path.write_text(f"{MORNING} 1 2\n{line}\n")
    with pytest.raises(Invalid, match=r"broken\.tij, line 2: must be a time"):
        survey(path, "evt", ZONE)


def test_gzipped_file_reads_as_the_plain_one(tmp_path: Path) -> None:
    plain = small_conference(tmp_path / "a.tij")
    gzipped = tmp_path / "a.tij.gz"
    gzipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read(gzipped)) == list(read(plain))
