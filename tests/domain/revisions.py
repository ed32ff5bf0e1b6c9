"""Small files of a source, one revision after another, and what a programme is after them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.agenda import AGENDA, Agenda, ImportSchedule, SaveSpeaker, Speaker, decide
from domain.conferences import Conference, ConferenceAnnounced
from tests.harness.agenda import PROGRAMME
from tests.workers.schedules.files import frab
from workers.schedules import read

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
ANNOUNCED: Any = Conference(ConferenceAnnounced("A conference", "UTC"))
NAMES = ["Nora Stein", "Ivo Probe", "Tomas Weit", "Lena Quell", "Ada Fern"]

Talk = tuple[str, list[tuple[int | None, str]]]  # an id, and who speaks: a number and a name


def command(file: bytes, source: str | None = None, state: Agenda | None = None) -> ImportSchedule:
    made = read(file).command("evt_1", source)
    known: dict[str, Any] = {"conference": ANNOUNCED, "before": state or Agenda()}
    return ImportSchedule(**{f: getattr(made, f) for f in made.__struct_fields__} | known)


def file(
    *talks: Talk, guids: bool = True, titles: Mapping[str, str] | None = None, **conference: Any
) -> bytes:
    """`titles` by id; else it is `Talk` and the id."""
    return frab(
        *(
            {
                ("guid" if guids else "id"): id_,
                "title": (titles or {}).get(id_, f"Talk {id_}"),
                "persons": [
                    {"public_name": name, **({} if number is None else {"id": number})}
                    for number, name in speaking
                ],
            }
            for id_, speaking in talks
        ),
        **conference,
    )


def after(state: Agenda, made: bytes, source: str | None = None) -> Agenda:
    new: Agenda = PROGRAMME.folded(decide(command(made, source), state), state)
    return new


def erased(state: Agenda, id_: str) -> Agenda:
    assert AGENDA.erase
    new: Agenda = PROGRAMME.folded(AGENDA.erase(state, f"evt_1:{id_}"), state)
    return new


def speaking(state: Agenda, item_id: str) -> list[tuple[str, str]]:
    ids = state.items[item_id].speaker_ids
    return [(id_, state.speakers[id_].name) for id_ in ids]


def saved_by_hand(state: Agenda, id_: str, name: str) -> Agenda:
    save = SaveSpeaker(event_id="evt_1", conference=ANNOUNCED, speaker=Speaker(id_, name))
    new: Agenda = PROGRAMME.folded(decide(save, state), state)
    return new
