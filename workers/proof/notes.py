"""A capability with work that takes time, as small as can be: notes, which are summarized and of
which letters are sent. It is there in proofs and tests only.

A summary costs nothing but time to make again. A letter is sent at most once for what is noted.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Aggregate, Command, Recorded, StreamName, stream
from domain.work import Based, Result, is_newer
from projections.due import Done, Meaning, Wanted, due
from projections.engine import event_log
from projections.engine.event_log import Connection
from projections.read_models import READ_MODELS, WORK

SUMMARY, LETTER = "summary", "letter"


# Events
class NoteTaken(Struct, frozen=True):
    pass


class NotesSummarized(Struct, frozen=True):
    based_on: int
    notes: int


class LetterSent(Struct, frozen=True):
    based_on: int


class Notes(Struct, frozen=True):
    taken: int = 0
    summary: Based = Based()
    letter: Based = Based()


# Commands
class TakeNote(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "notes"
    event_id: str
    about: str

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.about)


class _Keep(Result, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "notes"
    event_id: str
    about: str

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.about)


class KeepSummary(_Keep, frozen=True, kw_only=True):
    notes: int


class KeepLetter(_Keep, frozen=True, kw_only=True):
    pass


def decide(command: Command, state: Notes) -> tuple[Struct, ...]:
    match command:
        case KeepSummary() if is_newer(command, state.summary):
            return (NotesSummarized(command.based_on, command.notes),)
        case KeepLetter() if is_newer(command, state.letter):
            return (LetterSent(command.based_on),)
        case TakeNote():
            return (NoteTaken(),)
    return ()


def evolve(state: Notes, event: Struct, at: datetime) -> Notes:
    match event:
        case NoteTaken():
            return replace(state, taken=state.taken + 1)
        case NotesSummarized(based_on=based_on):
            return replace(state, summary=Based(based_on))
        case LetterSent(based_on=based_on):
            return replace(state, letter=Based(based_on))
    return state


NOTES = Aggregate("notes", Notes(), (NoteTaken, NotesSummarized, LetterSent), decide, evolve)


# When it is due
def summary_due(recorded: Recorded) -> Iterator[Wanted | Done]:
    match recorded.event:
        case NoteTaken():
            yield Wanted(_subject(recorded))
        case NotesSummarized(based_on=based_on):
            yield Done(_subject(recorded), based_on)


def letter_due(recorded: Recorded) -> Iterator[Wanted | Done]:
    match recorded.event:
        case NoteTaken():
            yield Wanted(_subject(recorded))
        case LetterSent(based_on=based_on):
            yield Done(_subject(recorded), based_on)


NOTED: Mapping[str, Meaning] = {SUMMARY: summary_due, LETTER: letter_due}
DUE = due(NOTED)
# All read models, where the work of a proof is due beside the product's own.
DUE_BESIDE = due({**WORK, **NOTED})
MODELS = (*(model for model in READ_MODELS if model.name != DUE.name), DUE_BESIDE)


def _subject(recorded: Recorded) -> str:
    return ":".join(recorded.stream_key)


def notes_of(subject: str) -> StreamName:
    return stream("notes", *subject.split(":"))


# What is done
async def summary(connection: Connection, subject: str) -> KeepSummary:
    """Counts all the notes that there are."""
    log = await event_log.streams(connection, [notes_of(subject)])
    taken = [recorded for recorded in log if isinstance(recorded.event, NoteTaken)]
    event_id, about = subject.split(":")
    based_on = event_log.last(taken)
    return KeepSummary(event_id=event_id, about=about, based_on=based_on, notes=len(taken))


def letter(subject: str, wanted: int) -> KeepLetter:
    event_id, about = subject.split(":")
    return KeepLetter(event_id=event_id, about=about, based_on=wanted)
