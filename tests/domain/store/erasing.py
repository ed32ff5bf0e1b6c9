"""A store in which people are erased, and those who write to it meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from domain.aggregate import Aggregate
from domain.attendees import Profile, SaveProfile
from domain.capabilities import AGGREGATES, RENAMED
from domain.conferences import AnnounceConference
from domain.store.envelope import EnvelopeMapper
from domain.store.erasure import Erased, Erasure
from domain.store.recorder import open_recorder
from domain.store.writer import History
from sql import statements
from tests.store import AUTHOR, all_of

MAPPER = EnvelopeMapper(AGGREGATES, RENAMED)
SQL = statements("history") | statements("people")
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
OPENING = AnnounceConference(event_id="evt_1", name="A conference", timezone="UTC")


@contextmanager
def store(
    url: str, aggregates: tuple[Aggregate, ...] = AGGREGATES
) -> Iterator[tuple[History, Erasure]]:
    renamed = RENAMED if aggregates is AGGREGATES else {}
    history = History(open_recorder(url, SQL), aggregates, renamed)
    recorder = open_recorder(url, SQL)
    try:
        yield history, Erasure(recorder, aggregates, EnvelopeMapper(aggregates, renamed))
    finally:
        history.close()
        recorder.datastore.close()


def save(name: str, member_id: str = "ada", event_id: str = "evt_1") -> SaveProfile:
    return SaveProfile(event_id=event_id, member_id=member_id, profile=Profile(name))


async def execute(history: History, *commands: Any) -> list[Any]:
    return await all_of(*(history.execute(command, by=AUTHOR) for command in commands))


async def erase(erasure: Erasure, person: str = "ada") -> Erased:
    return await asyncio.to_thread(erasure.erase, person, NOW)
