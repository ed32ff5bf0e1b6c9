"""A conference with missions and sessions, and members who complete and star them, recorded by a
real History."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.agenda import ScheduleItem
from domain.agenda_items import AgendaItem
from domain.aggregate import Command
from domain.capabilities import AGGREGATES, RENAMED
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.missions import CompleteMission, ResetMission
from domain.stars import StarSession
from domain.store.recorder import open_recorder
from domain.store.writer import History
from projections.engine.projector import Projector
from projections.read_model import ReadModel
from projections.read_models import READ_MODELS
from sql import statements
from tests.store import AUTHOR, ask

EVENT = "evt_1"
NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
MISSION = Mission("goals", "Goals", "", 10, "")

# Records, and gives the positions of what is recorded.
Record = Callable[..., list[int]]


@contextmanager
def recording(url: str, **options: Any) -> Iterator[Record]:
    history = History(open_recorder(url, statements("history")), AGGREGATES, RENAMED, **options)

    async def all_of(commands: tuple[Command, ...]) -> list[int]:
        executed = (history.execute(command, by=AUTHOR) for command in commands)
        return [outcome.position for outcome in await asyncio.gather(*executed)]

    try:
        yield lambda *commands: asyncio.run(all_of(commands))
    finally:
        history.close()


def opening(event_id: str = EVENT) -> tuple[Command, ...]:
    return (
        AnnounceConference(event_id=event_id, name="A conference", timezone="UTC"),
        PublishCatalogue(event_id=event_id, missions=(MISSION,)),
    )


def clicks(number: int, member_id: str = "ada", event_id: str = EVENT) -> Iterator[Command]:
    """So many that change something."""
    for i in range(number):
        click = ResetMission if i % 2 else CompleteMission
        yield click(event_id=event_id, member_id=member_id, mission_id=MISSION.id)


def session(item_id: str, hours: int = 0, event_id: str = EVENT) -> Command:
    """Puts it on the programme, or moves it to so many hours later."""
    start = NINE + timedelta(hours=hours)
    item = AgendaItem(item_id, f"About {item_id}", start, start + timedelta(minutes=30))
    return ScheduleItem(event_id=event_id, item=item)


def star(item_id: str, member_id: str = "ada", event_id: str = EVENT) -> Command:
    return StarSession(event_id=event_id, member_id=member_id, item_id=item_id)


def end_of(url: str) -> int:
    ((position,),) = ask(url, "SELECT coalesce(max(notification_id), 0) FROM events.log")
    return int(position)


async def project(url: str, models: Sequence[ReadModel] = READ_MODELS) -> dict[str, int]:
    """All there is to do."""
    projector = Projector(models)
    try:
        await projector.start(url)
        while await projector.step():
            pass
        return projector.positions
    finally:
        await projector.stop()
