"""A page may fan out to millions of rows: it is then several transactions, of bounded memory."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.agenda import AgendaItemChanged, AgendaItemScheduled
from domain.agenda_items import AgendaItem
from domain.aggregate import Recorded
from domain.stars import SessionStarred
from projections.engine import sizes as module
from projections.engine.sizes import written_together
from projections.read_model import FanOut
from projections.sessions.rows import LIVE_SESSIONS
from tests.bench.past import write
from tests.boards import EVENT, NINE, clicks, end_of, opening, project, recording, session, star
from tests.product import ROOT
from tests.projections.engine.test_projector import leading, problems
from tests.store import ask

MEMBERS, CHANGES = 5_000, 40
MORE = 40 * 2**20  # bytes, where all rows of the page are 110 MB in Python, and as much as JSON


def recorded(position: int) -> Recorded:
    return Recorded(position, "toy:1", position, None, datetime(2026, 1, 1, tzinfo=UTC), "", "")


def fan_out(position: int, size: int) -> FanOut:
    table = LIVE_SESSIONS.messages
    return FanOut(table, lambda: (), (), lambda: size, position)


@given(st.lists(st.integers(0, 300_000), min_size=1))
def test_page_is_cut_into_pieces_that_are_bounded_or_one_event(numbers: list[int]) -> None:
    page = [recorded(position) for position in range(1, len(numbers) + 1)]
    pieces = []
    while page:
        changes = [fan_out(r.position, numbers[r.position - 1]) for r in page]
        some = written_together(page, changes, {})
        pieces.append([numbers[r.position - 1] for r in some])
        page = page[len(some) :]
    assert [number for piece in pieces for number in piece] == numbers
    assert all(sum(piece) <= module.MOST or len(piece) == 1 for piece in pieces)


def test_page_that_is_cut_gives_the_same_rows(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 5)
    with recording(database) as record:
        record(*opening(), *(session(f"s{i}") for i in range(3)))
        record(*(star(f"s{i}", member) for i in range(3) for member in ("ada", "ben", "cyd")))
        asyncio.run(project(database))
        record(*(session(f"s{i}", hours) for hours in (1, 2) for i in range(3)), *clicks(2))
    asyncio.run(project(database))
    (rows,) = ask(database, "SELECT count(*), count(DISTINCT xmin::text) FROM views.live_sessions")
    assert rows == (18, 6)
    assert problems(database) == {}


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM written) > %s THEN
        RAISE EXCEPTION 'too much' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse AFTER INSERT ON views.mission_ledger
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


def test_page_that_is_too_large_for_postgres_is_applied_in_smaller_ones(database: str) -> None:
    ask(database, REFUSE % 4)
    with recording(database) as record:
        record(*opening(), *clicks(30))
    asyncio.run(one_step(database))
    assert ask(database, "SELECT count(*) FROM views.mission_ledger") == [(30,)]
    assert ask(database, "SELECT DISTINCT position FROM views.positions") == [(end_of(database),)]


async def one_step(database: str) -> None:
    async with leading(database) as projector:
        await projector.step()


def test_event_that_is_too_large_by_itself_is_said_and_holds_up_no_other_read_model(
    database: str,
) -> None:
    ask(database, REFUSE % 0)
    with recording(database) as record:
        record(*opening(), *clicks(3))
    asyncio.run(one_step(database))
    assert problems(database) == {"mission_ledger": "ProgramLimitExceeded: too much"}
    behind = ask(database, "SELECT name FROM views.positions WHERE position < %s", end_of(database))
    assert behind == [("mission_ledger",)]


# Memory
def followed_and_moved() -> Iterator[Recorded]:
    def of(stream: str, version: int, event: object) -> Recorded:
        return Recorded(0, stream, version, event, NINE, "ada", EVENT)

    def item(room: str) -> AgendaItem:
        return AgendaItem("s0", "A talk", NINE, NINE.replace(hour=10), location=room)

    agenda = f"agenda:{EVENT}"
    yield of(agenda, 1, AgendaItemScheduled(item("A")))
    for n in range(MEMBERS):
        yield of(f"stars:{EVENT}:usr_{n}", 1, SessionStarred("s0"))
    for i in range(CHANGES):
        yield of(agenda, i + 2, AgendaItemChanged(item(f"Room {i}")))


PROGRAM = """
import asyncio, sys
from pathlib import Path
from projections.engine.projector import Projector
from projections.sessions.rows import LIVE_SESSIONS

def peak():  # kB, of this program alone: ru_maxrss begins with what its parent had when it forked
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])

async def story(url, until):
    projector = Projector([LIVE_SESSIONS])
    await projector.start(url)
    await projector.catch_up(until[0])
    before = peak()
    await projector.catch_up(until[1])
    await projector.stop()
    print(peak() - before)

asyncio.run(story(sys.argv[1], [int(each) for each in sys.argv[2:]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there a process knows its own peak")
def test_memory_does_not_grow_with_what_a_page_fans_out_to(database: str) -> None:
    write(database, followed_and_moved())
    end = end_of(database)
    arguments = [sys.executable, "-c", PROGRAM, database, str(end - CHANGES), str(end)]
    ran = subprocess.run(arguments, cwd=ROOT, capture_output=True, check=True, timeout=120)
    assert ask(database, "SELECT count(*) FROM views.live_sessions") == [(MEMBERS * CHANGES,)]
    assert int(ran.stdout) * 1024 < MORE
