"""An agenda to take away, read from Postgres and folded, is the one that the rules look at."""

from itertools import count
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.agenda_items import AgendaItem
from domain.aggregate import Command, stream
from projections.question import Ask, MemberAsk
from projections.read_model import folded
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from projections.sessions.questions import Programme
from projections.sessions.rows import SESSIONS
from tests.harness.agenda import PROGRAMME, STARRED
from tests.harness.play import Play, opening, played
from tests.harness.values import EVENT, MEMBERS
from tests.projections.sessions.conftest import StoredRows

EVENTS = count()
SOME = PROGRAMME.commands(EVENT) | STARRED.commands(EVENT)
TOLD = st.builds(lambda a, b: a + b, opening(EVENT), st.lists(SOME, min_size=8, max_size=25))


@settings(max_examples=60)
@given(TOLD)
def test_agenda_to_take_away_is_all_of_it_or_what_a_member_has_starred(
    shown: StoredRows, story: list[Command]
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
