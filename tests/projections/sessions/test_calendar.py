"""An agenda to take away, read from Postgres and folded, is the one that the rules look at."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.agenda_items import AgendaItem
from domain.aggregate import Command, stream
from projections.engine import tables
from projections.engine.election import connect
from projections.engine.reading import answered
from projections.question import Ask, MemberAsk, Own
from projections.read_model import folded
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from projections.sessions.questions import Programme
from projections.sessions.rows import SESSIONS
from tests.harness.agenda import PROGRAMME, STARRED
from tests.harness.play import Play, opening, played
from tests.harness.values import EVENT, MEMBERS

EVENTS = count()
SOME = PROGRAMME.commands(EVENT) | STARRED.commands(EVENT)
TOLD = st.builds(lambda a, b: a + b, opening(EVENT), st.lists(SOME, min_size=8, max_size=25))


class Shown:
    """Postgres, with read models as a projector would have written them."""

    def __init__(self, database: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(connect(database, "reader"))

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    def write(self, rows: Any) -> None:
        self._loop.run_until_complete(self._write(rows))

    async def _write(self, rows: Any) -> None:
        for table, of_table in rows.items():
            await tables.write(self._connection, tables.write_statement(table), of_table.values())

    def ask(self, question: Own[Any, Programme], ask: Ask) -> Programme:
        return self._loop.run_until_complete(answered(self._connection, question, ask))


@pytest.fixture(scope="module")
def shown(new_database: Callable[[], str]) -> Iterator[Shown]:
    shown = Shown(new_database())
    yield shown
    shown.close()


@settings(max_examples=60)
@given(TOLD)
def test_agenda_to_take_away_is_all_of_it_or_what_a_member_has_starred(
    shown: Shown, story: list[Command]
) -> None:
    event_id = f"evt_{next(EVENTS)}"
    play = played(replace(command, event_id=event_id) for command in story)
    shown.write(folded(SESSIONS, play.log))
    agenda = play.state(stream("agenda", event_id))
    everything = shown.ask(WHOLE_AGENDA, Ask(event_id))
    assert _items(everything) == agenda.items
    assert _speakers(everything) == {
        id_: (s.name, s.focus_areas, s.email) for id_, s in agenda.speakers.items()
    }
    for member in MEMBERS:
        held = play.state(stream("stars", event_id, member)).items
        own = shown.ask(STARRED_AGENDA, MemberAsk(event_id, member))
        assert _items(own) == {id_: item for id_, item in agenda.items.items() if id_ in held}
        speaking = {speaker for item in own.items for speaker in item.speaker_ids}
        assert own.speakers.keys() == speaking & agenda.speakers.keys()
        assert own.agenda.event_name == _name(play, event_id)


def _items(programme: Programme) -> dict[str, Any]:
    kept = set(AgendaItem.__struct_fields__)
    rows = ({"id": item.item_id} | msgspec.structs.asdict(item) for item in programme.items)
    facts = ({name: row[name] for name in row.keys() & kept} for row in rows)
    return {row["id"]: AgendaItem(**row) for row in facts}


def _speakers(programme: Programme) -> dict[str, tuple[Any, ...]]:
    return {id_: (s.name, s.focus_areas, s.email) for id_, s in programme.speakers.items()}


def _name(play: Play, event_id: str) -> str:
    announced = play.state(stream("conference", event_id)).announced
    name: str = announced.name
    return name
