import asyncio

from hypothesis import given
from hypothesis import strategies as st

from projections.engine import lag
from projections.engine.election import connect
from projections.engine.event_log import SQL
from projections.engine.lag import FRESH, LATE, MOVES, SILENT, STILL, WORDS, Lag, Word, word
from projections.missions.rows import MISSION_BOARD
from projections.read_models import READ_MODELS
from tests.boards import clicks, end_of, opening, project, recording
from tests.store import ask

edges = st.sampled_from([0.0, LATE, MOVES, SILENT, STILL, FRESH])
seconds = st.one_of(st.floats(0, 1e9), edges, edges.map(lambda edge: edge + 1e-6))
behind = st.one_of(st.just(0), st.integers(0, 10**12))
problems = st.one_of(st.none(), st.text(min_size=1))


@given(seconds, problems, behind, seconds, seconds)
def test_every_reader_has_exactly_one_word_as_it_is_defined(
    silent: float, problem: str | None, events: int, by: float, still: float
) -> None:
    alive, waited = silent <= SILENT, min(still, by) > STILL
    well = alive and not problem
    moving = still <= MOVES and by <= LATE
    means: dict[Word, bool] = {
        "dead": not alive,
        "stuck": alive and (bool(problem) or (events > 0 and waited)),
        "live": well and (still <= FRESH if not events else moving and not waited),
        "idle": well and not events and still > FRESH,
        "catching up": well and events > 0 and not waited and not moving,
    }
    assert [w for w in WORDS if means.get(w)] == [word(silent, problem, events, by, still)]


@given(seconds, problems, behind, seconds, seconds, st.integers(0, 9), st.integers(0, 9))
def test_what_it_has_put_aside_shows_in_the_word_unless_that_is_worse_already(
    silent: float,
    problem: str | None,
    events: int,
    by: float,
    still: float,
    parked: int,
    waiting: int,
) -> None:
    one = Lag("x", "relay", 1, 0, 0, problem, parked, waiting, 0, events, silent, still, by)
    fares = word(silent, problem, events, by, still)
    aside = "parked" if parked else "waiting" if waiting else fares
    assert one.word == (aside if fares in ("live", "idle") else fares)


@given(st.floats(SILENT, exclude_min=True), problems, behind, seconds, seconds)
def test_reader_without_a_sign_of_life_is_dead_whatever_else_is_said(
    silent: float, problem: str | None, events: int, by: float, still: float
) -> None:
    assert word(silent, problem, events, by, still) == "dead"


@given(seconds, problems, st.integers(1), seconds, st.floats(MOVES, exclude_min=True))
def test_reader_is_never_live_or_idle_while_there_is_more_and_nothing_moves(
    silent: float, problem: str | None, events: int, by: float, still: float
) -> None:
    assert word(silent, problem, events, by, still) not in ("live", "idle")


# As Postgres counts it
async def _read(database: str) -> dict[str, Lag]:
    async with await connect(database, "test") as connection:
        return {one.name: one for one in await lag.read(connection)}


def read(database: str) -> dict[str, Lag]:
    return asyncio.run(_read(database))


def test_events_behind_are_those_of_the_log_and_not_positions_apart(database: str) -> None:
    with recording(database) as record:
        record(*opening())
        asyncio.run(project(database, [MISSION_BOARD]))
        ask(database, "SELECT setval('events.log_notification_id_seq', 500)")
        record(*clicks(3))
    found = read(database)["mission_board"]
    assert (found.position, found.seen, found.log_end) == (2, 2, 503)
    assert found.events_behind == 3
    assert 0 < found.behind_by < 60


def test_more_events_than_are_counted_are_never_fewer_than_there_are(database: str) -> None:
    ask(
        database,
        "INSERT INTO events.log SELECT 'x:' || i, 1, 'X', '{}' FROM generate_series(1, 12000) AS i",
    )
    ask(database, "INSERT INTO views.positions (name, kind) VALUES ('new', 'read_model')")
    assert read(database)["new"].events_behind == 12_000


def test_reader_that_has_applied_all_is_live_and_is_behind_by_nothing(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(2))
    asyncio.run(project(database))
    found = read(database)
    assert found.keys() == {model.name for model in READ_MODELS}
    for one in found.values():
        assert (one.position, one.events_behind, one.behind_by) == (end_of(database), 0, 0)
        assert one.word == "live"


def test_what_nobody_can_read_has_no_age_and_is_counted(database: str) -> None:
    ask(database, "INSERT INTO views.positions (name, kind) VALUES ('new', 'read_model')")
    for i, state in enumerate([b"{}", b"\xff\x00", b"no json", b'{"at": "never"}']):
        ask(database, "INSERT INTO events.log VALUES (%s, 1, 'X', %s)", f"x:{i}", state)
    found = read(database)["new"]
    assert (found.events_behind, found.behind_by) == (4, 0)


def test_beat_of_one_who_waits_tells_that_it_saw_the_end(database: str) -> None:
    """Also where there was nothing for it to do."""
    with recording(database) as record:
        record(*opening())
    asyncio.run(project(database))
    with recording(database) as record:
        record(*clicks(2))
    beat = SQL["beat"].replace("%(names)s", "'{mission_board}'::text[]")
    ask(database, beat.replace("positions", "views.positions"))
    found = read(database)["mission_board"]
    assert (found.position, found.seen) == (2, 4)
