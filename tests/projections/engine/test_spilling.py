"""Logs that are folded in little memory, on a real Postgres."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.aggregate import Recorded
from projections.engine import spilling
from projections.engine.rebuild import rebuild
from projections.missions.rows import LIVE_MISSIONS, MISSION_BOARD
from projections.read_model import ReadModel
from projections.read_models import READ_MODELS
from tests.boards import clicks, opening, project, recording, session, star
from tests.product import ROOT
from tests.projections.engine.test_side_by_side import differences
from tests.projections.missions.test_time_travel import history, logs, recorded, several
from tests.store import ask

OLDER = "UPDATE views.positions SET version = 0, position = 0"


def busy() -> list[Recorded]:
    """A log whose rows change again and again, and stand on each other."""
    both = ("ada", "ben")
    clicked = [click for member in both for click in clicks(3, member)]
    moved = [session("s1", hours) for hours in range(3)]
    starred = [star("s1", member) for member in both]
    return list(history([*opening(), moved[0], *clicked, *starred, *moved[1:], *clicked]))


@settings(several, max_examples=4)
@given(
    log=logs.filter(lambda log: len(log) > 6),
    most=st.integers(1, 6),
    piece=st.integers(1, 3),
    batch=st.integers(1, 3),
)
@example(log=busy(), most=1, piece=1, batch=1)
@example(log=busy(), most=3, piece=2, batch=2)
def test_rows_that_are_written_and_read_again_are_those_of_a_fold_in_memory(
    database: str, log: list[Recorded], most: int, piece: int, batch: int
) -> None:
    asyncio.run(project(database))  # that there are positions
    recorded(database, log)
    ask(database, OLDER)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("MOST", most), ("PIECE", piece), ("BATCH", batch)):
            patch.setattr(spilling, name, value)
        for model in READ_MODELS:
            assert asyncio.run(rebuild(database, model)).position == len(log)
    assert asyncio.run(differences(database)) == []


# Memory
FEW, MANY = 10_000, 60_000  # members, each with a row in a table
GROWTH = 10  # MB at most from the one to the other: all rows in memory were some 30

# Built anew, and then once more, compared with what it was. In MB, what it held at most: a process
# of its own, since what getrusage() says of a child begins with what its parent holds.
PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from projections.engine import spilling
from projections.engine.rebuild import rebuild
from projections.read_models import READ_MODELS
from workers.garbage import collect_rarely

collect_rarely()
spilling.MOST = spilling.BATCH = 5_000
(model,) = (model for model in READ_MODELS if model.name == sys.argv[1])
asyncio.run(rebuild(os.environ["DATABASE_URL"], model))
done = asyncio.run(rebuild(os.environ["DATABASE_URL"], model))
assert sum(digest.rows for digest in done.digests) >= int(sys.argv[2]), done
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says what it held")
@pytest.mark.parametrize("model", [MISSION_BOARD, LIVE_MISSIONS], ids=lambda model: model.name)
def test_memory_does_not_grow_with_the_rows(database: str, model: ReadModel) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(1))
    asyncio.run(project(database))
    ask(database, CLICKS, 1, FEW)
    few = held(database, model, FEW)
    ask(database, CLICKS, FEW + 1, MANY)
    assert held(database, model, MANY) - few < GROWTH


def held(database: str, model: ReadModel, rows: int) -> float:
    ask(database, OLDER)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, model.name, str(rows)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return int(ran.stdout) / 1024


# Each of a member of their own.
CLICKS = """
    INSERT INTO events.log (originator_id, originator_version, topic, state)
    SELECT 'missions:evt_1:usr_' || i, 1, l.topic, l.state
    FROM events.log AS l, generate_series(%s::integer, %s::integer) AS i
    WHERE l.originator_id = 'missions:evt_1:ada'
"""
