"""The programme of a conference: what is on, when and where, and who speaks.

One aggregate holds all of it, so that an import is one command: all of a file, or nothing of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Annotated, ClassVar, Literal, Self, get_args

from msgspec import Struct
from msgspec.structs import replace

from domain.agenda_items import AgendaItem
from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import Invalid, NotFound
from domain.names import may_say_a_name, says_name
from domain.persistent_map import with_entry
from domain.personal import ERASED, PERSONAL, SPEAKER, Person, personal
from domain.source_files import BY_HAND, File, Named
from domain.sources import Settled, settle

Status = Literal["scheduled", "confirmed", "tentative", "cancelled"]

STATUSES: tuple[str, ...] = get_args(Status)


class Speaker(Struct, frozen=True):
    id: Annotated[str, SPEAKER]
    name: Annotated[str, personal(ERASED)]
    email: Annotated[str | None, PERSONAL] = None
    focus_areas: Annotated[tuple[str, ...], PERSONAL] = ()


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class AgendaItemScheduled(Struct, frozen=True):
    item: AgendaItem
    source: str = BY_HAND


class AgendaItemChanged(Struct, frozen=True):
    item: AgendaItem
    source: str = BY_HAND


class AgendaItemCancelled(Struct, frozen=True):
    item_id: str
    source: str = BY_HAND


class SpeakerSaved(Struct, frozen=True):
    speaker: Speaker
    source: str = BY_HAND


class SpeakerErased(Struct, frozen=True):
    """A speaker is forgotten, also in the events before. No import brings them back. `replaced_by`
    is their id from here on, where the one before tells of their name."""

    speaker_id: str
    replaced_by: str = ""


class ScheduleImported(Struct, frozen=True):
    """From here on a source lists these sessions, whoever has written them."""

    source: str
    item_ids: tuple[str, ...]


AgendaEvent = (
    AgendaItemScheduled
    | AgendaItemChanged
    | AgendaItemCancelled
    | SpeakerSaved
    | SpeakerErased
    | ScheduleImported
)


class Agenda(Struct, frozen=True):
    """The sources say who wrote an item or a speaker last, the listings what each source lists;
    `renamed` are ids of speakers that others have replaced, `source_names` the names that sources
    gave to those whom somebody has changed by hand since."""

    items: Mapping[str, AgendaItem] = {}
    speakers: Mapping[str, Speaker] = {}
    item_sources: Mapping[str, str] = {}
    speaker_sources: Mapping[str, str] = {}
    listings: Mapping[str, frozenset[str]] = {}
    renamed: Mapping[str, str] = {}
    source_names: Mapping[str, str] = {}

    def listed(self, source: str) -> frozenset[str]:
        return self.listings.get(source, frozenset())

    def item(self, item_id: str) -> AgendaItem:
        """Raises NotFound."""
        if item_id not in self.items:
            raise NotFound(f"There is no session {item_id} here.")
        return self.items[item_id]


class _OnAgenda(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "agenda"
    event_id: str
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id,)

    def given(self) -> dict[str, StreamName]:
        return {"conference": stream("conference", self.event_id)}


class ScheduleItem(_OnAgenda, frozen=True, kw_only=True):
    item: AgendaItem


class CancelItem(_OnAgenda, frozen=True, kw_only=True):
    item_id: str


class SaveSpeaker(_OnAgenda, frozen=True, kw_only=True):
    speaker: Speaker


class ImportSchedule(_OnAgenda, frozen=True, kw_only=True):
    """Cancels what an earlier import of the same source had and this one lacks, unless another
    source still lists it. Leaves alone what somebody changed by hand, whatever the source says."""

    source: str
    items: tuple[AgendaItem, ...]
    speakers: tuple[Speaker, ...] = ()
    slots: Mapping[str, str] = {}  # of ids that stand in no file, which talk's they are
    named: Mapping[str, Named] = {}  # of speakers, by id, what stands in the file instead
    before: Agenda = GIVEN  # for the reply, which says what came of it
    settled: Settled | None = None  # what deciding it needs, as of a state of the programme

    def given(self) -> dict[str, StreamName]:
        return {**super().given(), "before": stream("agenda", self.event_id)}

    def prepared(self, state: Agenda) -> Self:
        return self if _wrong(self) else replace(self, settled=self.settle(state))

    def settle(self, state: Agenda) -> Settled:
        if self.settled and self.settled.known is state:
            return self.settled
        file = File(
            *(self.source, self.event_id, self.items, self.slots, self.speakers, self.named)
        )
        return settle(file, state)


class Counts(Struct, frozen=True):
    """The numbers of sessions and speakers that an import changed. Sessions that were changed by
    hand count as unchanged."""

    added: int
    changed: int
    cancelled: int
    unchanged: int
    kept_by_hand: int  # of the unchanged, those that the source has otherwise
    kept_though_dropped: int  # changed by hand, and from now on not in the source
    speakers: int  # added or changed


def counted(command: ImportSchedule, after: Agenda) -> Counts:
    before, new = command.before.items, after.items
    listed = command.settle(command.before).items
    touched = [id_ for id_, item in new.items() if id_ in before and before[id_] != item]
    cancelled = [id_ for id_ in touched if "cancelled" == new[id_].status != before[id_].status]
    same = [item for item in listed if before.get(item.id) == new[item.id]]
    old = command.before.speakers
    return Counts(
        added=len(new) - len(before),
        changed=len(touched) - len(cancelled),
        cancelled=len(cancelled),
        unchanged=len(same),
        kept_by_hand=sum(item != new[item.id] for item in same),
        kept_though_dropped=sum(
            command.before.item_sources[id_] == BY_HAND
            for id_ in _dropped(command, command.before, listed)
        ),
        speakers=sum(old.get(id_) != speaker for id_, speaker in after.speakers.items()),
    )


def odd(command: ImportSchedule) -> tuple[tuple[str, str], ...]:
    """The remarks on a file beside what is known: (id of a speaker, what is odd)."""
    return command.settle(command.before).remarks


OnAgenda = ScheduleItem | CancelItem | SaveSpeaker | ImportSchedule


def decide(command: OnAgenda, state: Agenda) -> tuple[AgendaEvent, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    match command:
        case ScheduleItem(item=item):
            _check_item(item)
            return tuple(_written(state, [item], BY_HAND))
        case CancelItem(item_id=item_id):
            if state.item(item_id).status == "cancelled":
                return ()
            return (AgendaItemCancelled(item_id),)
        case SaveSpeaker(speaker=speaker):
            return tuple(_saved(state, [speaker], BY_HAND))
        case ImportSchedule():
            _check_import(command)
            return tuple(_imported(command, state))


def _imported(command: ImportSchedule, state: Agenda) -> Iterator[AgendaEvent]:
    source, sources, speakers = command.source, state.item_sources, state.speaker_sources
    found = command.settle(state)
    items = found.items
    yield from _saved(state, (s for s in found.speakers if speakers.get(s.id) != BY_HAND), source)
    yield from _written(state, (i for i in items if sources.get(i.id) != BY_HAND), source)
    elsewhere = _listed_elsewhere(command, state)
    for item_id in _dropped(command, state, items):
        if sources[item_id] != BY_HAND and item_id not in elsewhere:
            yield AgendaItemCancelled(item_id, source)
    listed = {item.id for item in items}
    if listed != state.listed(source):
        yield ScheduleImported(source, tuple(sorted(listed)))


def _dropped(command: ImportSchedule, state: Agenda, items: Iterable[AgendaItem]) -> Iterator[str]:
    """The ids of sessions that are on, were in the source until now, and are not in `items`."""
    gone = state.listed(command.source).difference(item.id for item in items)
    return (id_ for id_, item in state.items.items() if id_ in gone and item.status != "cancelled")


def _listed_elsewhere(command: ImportSchedule, state: Agenda) -> frozenset[str]:
    """The event's own export, whose source is its id, is a copy: it keeps nothing on for ever."""
    aside = {command.source, command.event_id}
    others = (ids for source, ids in state.listings.items() if source not in aside)
    return frozenset().union(*others)


def _written(state: Agenda, items: Iterable[AgendaItem], source: str) -> Iterator[AgendaEvent]:
    for item in items:
        old = state.items.get(item.id)
        if old is None:
            yield AgendaItemScheduled(item, source)
        elif old != item:
            yield AgendaItemChanged(item, source)


def _saved(state: Agenda, speakers: Iterable[Speaker], source: str) -> Iterator[SpeakerSaved]:
    for speaker in speakers:
        if state.speakers.get(speaker.id) != speaker:
            yield SpeakerSaved(speaker, source)


def _check_item(item: AgendaItem) -> None:
    if item.end_time < item.start_time:
        raise Invalid("", ("$.end_time", "is before start_time"))
    if item.status not in STATUSES:
        raise Invalid("", ("$.status", f"must be one of {', '.join(sorted(STATUSES))}"))


def _check_import(command: ImportSchedule) -> None:
    """A source may hold sessions that end before they start; they are on at no moment."""
    if wrong := _wrong(command):
        raise Invalid("", *wrong)


def _wrong(command: ImportSchedule) -> list[tuple[str, str]]:
    if command.source == BY_HAND:
        return [("$.source", "must not be empty")]
    wrong = [
        (f"$.items[{i}].status", f"must be one of {', '.join(sorted(STATUSES))}")
        for i, item in enumerate(command.items)
        if item.status not in STATUSES
    ]
    for path, ids in (
        ("$.items", [item.id for item in command.items]),
        ("$.speakers", [speaker.id for speaker in command.speakers]),
    ):
        wrong += [(path, f"{name} comes {n} times") for name, n in Counter(ids).items() if n > 1]
    return wrong


def evolve(state: Agenda, event: AgendaEvent, at: datetime) -> Agenda:
    match event:
        case AgendaItemScheduled(item=item) | AgendaItemChanged(item=item):
            return _with_item(state, item, event.source)
        case AgendaItemCancelled(item_id=item_id):
            old = state.items.get(item_id)
            return (
                _with_item(state, replace(old, status="cancelled"), event.source) if old else state
            )
        case SpeakerSaved(speaker=speaker, source=source):
            return _with_speaker(state, speaker, source)
        case SpeakerErased(speaker_id=speaker_id, replaced_by=new_id):
            state = _with_speaker(state, Speaker(speaker_id, ERASED), BY_HAND)
            if not new_id:
                return state
            renamed = with_entry(state.renamed, speaker_id, new_id)
            return replace(_with_speaker(state, Speaker(new_id, ERASED), BY_HAND), renamed=renamed)
        case ScheduleImported(source=source, item_ids=ids):
            return replace(state, listings=with_entry(state.listings, source, frozenset(ids)))


def _with_speaker(state: Agenda, speaker: Speaker, source: str) -> Agenda:
    return replace(
        state,
        speakers=with_entry(state.speakers, speaker.id, speaker),
        speaker_sources=with_entry(state.speaker_sources, speaker.id, source),
        source_names=_source_names(state, speaker, source),
    )


def _source_names(state: Agenda, speaker: Speaker, source: str) -> Mapping[str, str]:
    """Nothing is kept of who is erased."""
    names, id_ = state.source_names, speaker.id
    if source == BY_HAND and speaker.name != ERASED:
        given = state.speaker_sources.get(id_, BY_HAND) != BY_HAND
        return with_entry(names, id_, state.speakers[id_].name) if given else names
    return with_entry(names, id_, "") if names.get(id_) else names


def _with_item(state: Agenda, item: AgendaItem, source: str) -> Agenda:
    return replace(
        state,
        items=with_entry(state.items, item.id, item),
        item_sources=with_entry(state.item_sources, item.id, source),
    )


def erase(state: Agenda, person: Person) -> tuple[AgendaEvent, ...]:
    """An id that tells of the name is replaced by one that does not, in their sessions too."""
    speaker_id = person.partition(":")[2]
    known = state.speakers.get(speaker_id)
    if known is None:
        return ()
    new_id = state.renamed.get(speaker_id, "")
    if not new_id and _tells_name(state, speaker_id, known.name):
        free = (f"erased-{number}" for number in count(1))
        new_id = next(id_ for id_ in free if id_ not in state.speakers)
    spoken = tuple(_spoken_by(state, speaker_id, new_id))
    done = known == Speaker(speaker_id, ERASED) and new_id == state.renamed.get(speaker_id, "")
    return () if done and not spoken else (SpeakerErased(speaker_id, new_id), *spoken)


def _tells_name(state: Agenda, speaker_id: str, name: str) -> bool:
    """Where an earlier version erased the name, only the id is left. That may have been made of it,
    unless it was made of an id that another source has."""
    if name != ERASED:
        return says_name(speaker_id, name)
    return may_say_a_name(speaker_id) and speaker_id.rpartition("-")[0] not in state.speakers


def _spoken_by(state: Agenda, old: str, new: str) -> Iterator[AgendaItemChanged]:
    for id_, item in state.items.items():
        if new and old in item.speaker_ids:
            speaking = tuple(new if one == old else one for one in item.speaker_ids)
            yield AgendaItemChanged(replace(item, speaker_ids=speaking), state.item_sources[id_])


AGENDA = Aggregate(
    name="agenda",
    initial=Agenda(),
    events=(
        AgendaItemScheduled,
        AgendaItemChanged,
        AgendaItemCancelled,
        SpeakerSaved,
        SpeakerErased,
        ScheduleImported,
    ),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
