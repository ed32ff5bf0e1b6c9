"""The questions about missions, asked of the read models and of the log."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.aggregate import stream
from domain.attendees import Profile, SaveProfile
from domain.catalogues import Mission, PublishCatalogue
from domain.missions import CompleteMission, StartMission
from projections.engine import event_log, tail
from projections.engine.election import connect
from projections.engine.event_log import Connection
from projections.engine.reading import answered, folded_answer, past_answer
from projections.engine.tail import MOST, refolded_answer
from projections.missions.leaderboard import LEADERBOARD, PAST_LEADERBOARD, LeaderboardAsk
from projections.missions.questions import BOARD, HISTORY
from projections.question import MemberAsk
from projections.read_models import READ_MODELS
from sql import statements
from tests.boards import EVENT, MISSION, Record, clicks, end_of, opening, project, recording
from tests.store import ask

ADA, LEADERS = MemberAsk(EVENT, "ada"), LeaderboardAsk(EVENT, "ada")
MOST_MISSIONS, MOST_POINTS = 500, 1_000_000  # of one catalogue, of one mission


def asked(database: str, *questions: Callable[[Connection], Awaitable[Any]]) -> list[Any]:
    async def ask_all() -> list[Any]:
        connection = await connect(database, "reader")
        try:
            return [await question(connection) for question in questions]
        finally:
            await connection.close()

    return asyncio.run(ask_all())


def completes_all(record: Record, catalogue: int, member_id: str) -> None:
    ids = [f"{catalogue}-{i}" for i in range(MOST_MISSIONS)]
    missions = tuple(Mission(id_, "A mission", "", MOST_POINTS, "") for id_ in ids)
    record(PublishCatalogue(event_id=EVENT, missions=missions))
    record(*(CompleteMission(event_id=EVENT, member_id=member_id, mission_id=i) for i in ids))


def test_points_beyond_31_bits_are_the_same_everywhere(database: str) -> None:
    """Points stay when a catalogue is replaced, so their sum knows no bound but time."""
    catalogues = 2**31 // (MOST_MISSIONS * MOST_POINTS) + 1
    points = catalogues * MOST_MISSIONS * MOST_POINTS
    with recording(database) as record:
        record(*opening())
        for catalogue in range(catalogues):
            completes_all(record, catalogue, "ada")
    positions = asyncio.run(project(database))
    assert positions == {model.name: end_of(database) for model in READ_MODELS}
    board, ledger, leaders, (_, folded) = asked(
        database,
        lambda c: answered(c, BOARD, ADA),
        lambda c: answered(c, HISTORY, ADA),
        lambda c: answered(c, LEADERBOARD, LEADERS),
        lambda c: folded_answer(c, BOARD, ADA),
    )
    assert points > 2**31
    assert board.progress.points_earned == points
    assert board == folded
    assert ledger.balance == points
    assert [place.points_earned for place in leaders.entries] == [points]
    assert leaders.me.points_earned == points
    ((said,),) = ask(
        database, "SELECT data::text FROM views.live_missions ORDER BY position DESC LIMIT 1"
    )
    assert msgspec.json.decode(said)["progress"]["points_earned"] == points
    counted = statements("missions")["points"]
    for name, value in (
        ("bounds", "'{0,2147483648}'"),
        ("since", "'-infinity'"),
        ("most", "1"),
    ):
        counted = counted.replace(f"%({name})s", value)
    assert ask(database, counted) == [(EVENT, 2, 1, points)]


def moments_of(log: list[Any]) -> list[datetime]:
    stamps = [recorded.at for recorded in log]
    return [min(stamps) - timedelta(seconds=1), *stamps, max(stamps) + timedelta(seconds=1)]


def test_board_as_of_a_time_is_that_as_of_a_position(database: str) -> None:
    """Also where two hosts record in turn, and the clock of one of them is behind."""
    missions = (MISSION, msgspec.structs.replace(MISSION, id="talk"))
    late = {"clock": lambda: datetime.now(UTC) - timedelta(minutes=1)}
    with recording(database) as here, recording(database, **late) as there:
        here(*opening(), PublishCatalogue(event_id=EVENT, missions=missions))
        here(CompleteMission(event_id=EVENT, member_id="ada", mission_id=MISSION.id))
        there(StartMission(event_id=EVENT, member_id="ada", mission_id="talk"))
        here(*clicks(1, "bob"))
        there(CompleteMission(event_id=EVENT, member_id="ada", mission_id="talk"))
    names = [stream("catalogue", EVENT), stream("missions", EVENT, "ada")]
    (log,) = asked(database, lambda c: event_log.streams(c, names))
    assert [r.at for r in log] != sorted(r.at for r in log)

    async def check(connection: Connection, at: datetime) -> None:
        position, board = await folded_answer(connection, BOARD, ADA, moment=at)
        then = await folded_answer(connection, BOARD, ADA, until=position)
        assert (position, board) == then
        assert position == max((r.position for r in log if r.at <= at), default=0)

    asked(database, *(lambda c, at=at: check(c, at) for at in moments_of(log)))


# The leaderboard, while its tables are not what they should be
def leaderboard(connection: Connection) -> Awaitable[Any]:
    return refolded_answer(connection, LEADERBOARD, LEADERS)


UNHEARD = """
    INSERT INTO events.log (originator_id, originator_version, topic, state)
    VALUES (%s, 1, 'Unheard', '')
"""
TOO_MANY_POINTS = """
    INSERT INTO events.log (originator_id, originator_version, topic, state)
    VALUES (%s, 1, 'MissionCompleted', '{
        "at": "2026-01-01T00:00:00Z", "actor": "eve", "tenant": "evt",
        "data": {"mission_id": "goals", "points": 9223372036854775808, "cause": "member"}
    }')
"""
PARK = """
    INSERT INTO views.parked (reader, stream, position, problem)
    SELECT name, %s, (SELECT max(notification_id) + 1 FROM events.log), ''
    FROM views.positions WHERE kind = 'read_model'
"""


def test_leaderboard_of_a_dead_projector_shows_all_up_to_what_cannot_be_read(database: str) -> None:
    """And of the asker, all there is."""
    with recording(database) as record:
        record(*opening(), *clicks(1, "bob"), *clicks(1, "cyd"))
        asyncio.run(project(database))
        record(SaveProfile(event_id=EVENT, member_id="ada", profile=Profile("Ada L.")))
        told = record(*clicks(2, "bob"), *clicks(1, "dan"))
        ask(database, UNHEARD, f"missions:{EVENT}:eve")
        record(*clicks(1_101, "ada"), *clicks(1, "fay"))
    ((position, leaders),) = asked(database, leaderboard)
    names = [(place.rank, place.name, place.points_earned) for place in leaders.entries]
    assert names == [(1, "cyd", 10), (2, "dan", 10), (3, "Ada L.", 10)]
    assert (leaders.me.rank, leaders.me.points_earned) == (3, 10)
    assert position == told[-1]


def test_leaderboard_of_a_dead_projector_goes_without_what_cannot_be_applied(
    database: str,
) -> None:
    """It would be parked by now. The asker sees what they did all the same."""
    with recording(database) as record:
        record(*opening(), *clicks(1, "bob"))
        (shown,) = {*asyncio.run(project(database)).values()}
        record(*clicks(1, "ada"))
        ask(database, TOO_MANY_POINTS, f"missions:{EVENT}:eve")
    ((position, leaders),) = asked(database, leaderboard)
    assert [place.member_id for place in leaders.entries] == ["bob", "ada"]
    assert shown <= position < end_of(database)


def test_leaderboard_of_a_dead_projector_is_folded_only_so_far(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(1, "bob"))
        asyncio.run(project(database))
        told = record(*clicks(MOST, "cyd"), *clicks(1, "dan"), *clicks(1, "ada"))
    ((position, leaders),) = asked(database, leaderboard)
    assert [place.member_id for place in leaders.entries] == ["bob", "ada"]
    assert position == told[MOST - 1]


def test_log_is_looked_through_only_so_far_for_the_events_of_a_leaderboard(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LOOKED_AT", 5)
    with recording(database) as record:
        record(*opening(), *opening("evt_2"))
        asyncio.run(project(database))
        told = record(*clicks(4, "bob", "evt_2"), *clicks(1, "cyd"), *clicks(1, "dan"))
    ((position, leaders),) = asked(database, leaderboard)
    assert [place.member_id for place in leaders.entries] == ["cyd"]
    assert position == told[4]


def test_leaderboard_that_is_folded_is_of_one_moment(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A projector that comes back meanwhile shows in the next."""
    standing = tail._standing

    async def come_back(*about: Any) -> Any:
        found = await standing(*about)
        await asyncio.to_thread(lambda: record(*clicks(1, "cyd")))
        await project(database)
        return found

    with recording(database) as record:
        record(*opening())
        asyncio.run(project(database))
        (told,) = record(*clicks(1, "bob"))
        monkeypatch.setattr(tail, "_standing", come_back)
        ((position, leaders),) = asked(database, leaderboard)
    assert position == told
    assert [place.member_id for place in leaders.entries] == ["bob"]


def test_what_was_dropped_does_not_come_back_while_the_projector_is_away(database: str) -> None:
    other = Mission("talk", "Talk", "", 5, "")
    with recording(database) as record:
        record(*opening(), PublishCatalogue(event_id=EVENT, missions=(MISSION, other)))
        asyncio.run(project(database))
        ask(database, PARK, f"missions:{EVENT}:ada")
        record(*clicks(1, "ada"))
        asyncio.run(project(database))
        ask(database, "UPDATE views.parked SET asked = 'drop'")
        asyncio.run(project(database))
        assert not ask(database, "SELECT FROM views.parked")
        record(CompleteMission(event_id=EVENT, member_id="ada", mission_id="talk"))
    away = asked(
        database,
        leaderboard,
        lambda c: folded_answer(c, BOARD, ADA),
        lambda c: folded_answer(c, HISTORY, ADA),
    )
    asyncio.run(project(database))
    back = asked(
        database,
        lambda c: answered(c, LEADERBOARD, LEADERS),
        lambda c: answered(c, BOARD, ADA),
        lambda c: answered(c, HISTORY, ADA),
    )
    assert [answer for _, answer in away] == back
    assert back[0].me.points_earned == 5


def test_row_that_is_folded_anew_stands_for_that_of_the_table(database: str) -> None:
    """Also where it was among the first, and is no more."""
    with recording(database) as record:
        record(*opening(), *clicks(1, "ada"), *clicks(1, "bob"))
        asyncio.run(project(database))
        hidden = Profile("Ada", visibility="hidden")
        record(SaveProfile(event_id=EVENT, member_id="ada", profile=hidden))
    ((_, leaders),) = asked(database, leaderboard)
    assert [(place.rank, place.member_id) for place in leaders.entries] == [(1, "bob")]
    assert (leaders.me.rank, leaders.me.points_earned) == (None, 10)
    asyncio.run(project(database))
    assert asked(database, lambda c: answered(c, LEADERBOARD, LEADERS)) == [leaders]


def test_leaderboard_is_alike_the_moment_before_and_after_a_replay(database: str) -> None:
    """Nobody need have heard of it."""
    board = f"missions:{EVENT}:ada"
    with recording(database) as record:
        record(*opening())
        asyncio.run(project(database))
        parked = "INSERT INTO views.parked VALUES ('leaderboard', %s, 3, '')"
        ask(database, parked, board)
        record(*clicks(3, "ada"), *clicks(1, "bob"))
    asyncio.run(project(database))
    as_bob = LeaderboardAsk(EVENT, "bob")
    of_bob: Any = lambda c: refolded_answer(c, LEADERBOARD, as_bob)  # noqa: E731
    before = asked(database, leaderboard, of_bob)
    assert ask(database, "SELECT member_id FROM views.leaderboard ORDER BY 1") == [("bob",)]
    ask(database, "UPDATE views.parked SET asked = 'replay'")
    asyncio.run(project(database))
    after = asked(database, leaderboard, of_bob)
    assert before == after
    assert before[0][1].entries == before[1][1].entries
    assert [place.member_id for place in after[0][1].entries] == ["ada", "bob"]


def test_past_leaderboard_is_folded_from_the_streams_of_its_event_alone(database: str) -> None:
    """Events of other conferences do not matter to it, be they unreadable or many."""
    others = ("evt", "evt_", "evt_1.a", "evt_1-", "evt_10", "evt_2")
    with recording(database) as record:
        for event_id in (EVENT, *others):
            record(*opening(event_id), *clicks(1, event_id, event_id))
        record(SaveProfile(event_id=EVENT, member_id="ada", profile=Profile("Ada L.")))
        record(*clicks(1_101, "ada"), *clicks(1, "bob"))
    past: Any = lambda c: past_answer(c, PAST_LEADERBOARD, LEADERS)  # noqa: E731
    ((_, leaders),) = asked(database, past)
    expected = [(EVENT, 10), ("Ada L.", 10), ("bob", 10)]
    assert [(place.name, place.points_earned) for place in leaders.entries] == expected
    asyncio.run(project(database))
    assert asked(database, lambda c: answered(c, LEADERBOARD, LEADERS)) == [leaders]
    unheard = "INSERT INTO events.log (originator_id, originator_version, topic, state)"
    ask(database, unheard + " VALUES ('missions:evt_2:ada', 1, 'Unheard', '')")
    with recording(database) as record:
        record(*clicks(1, "cyd"))
    assert len(asked(database, past)[0][1].entries) == 4


def test_past_leaderboard_gives_others_a_turn_while_it_is_folded(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(2_500))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def fold(connection: Connection) -> int:
        taking = asyncio.create_task(take_turns())
        await past_answer(connection, PAST_LEADERBOARD, LEADERS)
        taking.cancel()
        with suppress(asyncio.CancelledError):
            await taking
        return turns

    assert asked(database, fold)[0] >= 3
