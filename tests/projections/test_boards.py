"""The boards' questions, asked of the read models and of the log."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from domain.missions import CompleteMission, Mission, PublishCatalogue
from projections import boards
from projections.follower import connect
from projections.log import Connection
from projections.read_models import READ_MODELS
from tests.boards import EVENT, Record, end_of, opening, project, recording
from tests.store import ask

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
    (_, _, board), (_, _, ledger), (_, _, leaders), (_, folded) = asked(
        database,
        lambda c: boards.read_board(c, EVENT, "ada"),
        lambda c: boards.read_ledger(c, EVENT, "ada"),
        lambda c: boards.read_leaderboard(c, EVENT, "ada", 10),
        lambda c: boards.fold_board(c, EVENT, "ada"),
    )
    assert points > 2**31
    assert board.progress.points_earned == points
    assert board == folded
    assert ledger.balance == points
    assert [place.points_earned for place in leaders.entries] == [points]
    assert leaders.me.points_earned == points
    ((said,),) = ask(
        database, "SELECT data::text FROM views.live_feed ORDER BY position DESC LIMIT 1"
    )
    assert msgspec.json.decode(said)["progress"]["points_earned"] == points
    assert ask(database, boards.SQL["points"].replace("%(bounds)s", "'{0,2147483648}'")) == [
        (EVENT, 2, 1, points)
    ]
