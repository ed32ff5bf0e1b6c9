"""Personal values in events: marked knowingly, sealed whole, and gone with its key."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, inspect
from msgspec.structs import replace

from domain.agenda import Speaker, SpeakerSaved
from domain.aggregate import Aggregate, Recorded
from domain.attendees import AttendeeProfileChanged, AttendeeRegistered, Profile
from domain.capabilities import AGGREGATES, RENAMED
from domain.personal import PERSONAL, SPEAKER, NotErasableError, marked, personal
from domain.store.bulk import STORE_AGGREGATES
from domain.store.envelope import EnvelopeMapper, UnreadableEventError
from tests.harness.agenda import speakers
from tests.harness.attendees import PROFILES

MAPPER = EnvelopeMapper(AGGREGATES, RENAMED)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
KEY, ANOTHER = bytes(32), bytes(31) + b"\1"

# What holds text and is about no person, or is known to all: ids, texts of a programme or a
# catalogue that a conference publishes, and what tells one kind of thing from another.
NOT_PERSONAL = {
    ("AgendaItem", "id"),
    ("AgendaItem", "title"),
    ("AgendaItem", "description"),
    ("AgendaItem", "location"),
    ("AgendaItem", "track"),
    ("AgendaItem", "focus_areas"),
    ("AgendaItem", "item_type"),
    ("AgendaItem", "status"),
    ("AgendaItem", "speaker_ids"),
    ("AgendaItem", "url"),
    ("AgendaItem", "language"),
    ("AgendaItemCancelled", "item_id"),
    ("AgendaItemCancelled", "source"),
    ("AgendaItemChanged", "source"),
    ("AgendaItemScheduled", "source"),
    ("AttendeeImportBegun", "import_id"),
    ("AttendeeImportBegun", "digest"),
    ("AttendeeImportEnded", "import_id"),
    ("AppointmentCancelled", "sync_id"),
    ("AppointmentCancelled", "with_member_id"),
    ("AppointmentMade", "sync_id"),
    ("AppointmentMade", "with_member_id"),
    ("AttendeeMessaged", "target_member_id"),
    ("AttendeeSynced", "target_member_id"),
    ("AttendeeViewed", "target_member_id"),
    ("BulkStarted", "fingerprint"),
    ("CalendarLinkOpened", "digest"),
    ("ConferenceAnnounced", "name"),
    ("ConferenceAnnounced", "timezone"),
    ("ConferenceChanged", "name"),
    ("ConferenceChanged", "timezone"),
    ("MemberBlocked", "blocked_member_id"),
    ("MemberUnblocked", "blocked_member_id"),
    ("FlagsErased", "message_ids"),
    ("FlagsErased", "reporter_id"),
    ("MessageArrived", "from_member_id"),
    ("MessageArrived", "message_id"),
    ("MessageFlagged", "author_id"),
    ("MessageFlagged", "message_id"),
    ("MessageFlagged", "reporter_id"),
    ("MessageReported", "target_member_id"),
    ("MessagesErased", "message_ids"),
    ("MessagesErased", "to_member_id"),
    ("Mission", "category"),
    ("Mission", "description"),
    ("Mission", "id"),
    ("Mission", "requires"),
    ("Mission", "title"),
    ("MissionCompleted", "mission_id"),
    ("MissionReopened", "mission_id"),
    ("MissionReset", "mission_id"),
    ("MissionStarted", "mission_id"),
    ("ProfileViewed", "target_member_id"),
    ("RefusedCommand", "problem"),
    ("SessionStarred", "item_id"),
    ("SessionUnstarred", "item_id"),
    ("ScheduleImported", "item_ids"),
    ("ScheduleImported", "source"),
    ("Speaker", "id"),
    ("SpeakerErased", "speaker_id"),
    ("SpeakerErased", "replaced_by"),
    ("SpeakerSaved", "source"),
    ("RequestClosed", "sync_id"),
    ("RequestClosed", "with_member_id"),
    ("RequestOpened", "sync_id"),
    ("RequestOpened", "with_member_id"),
    ("SyncAccepted", "by_member_id"),
    ("SyncErased", "member_id"),
    ("SyncReported", "target_member_id"),
    ("ThreadMessageSent", "message_id"),
    ("ThreadMessageSent", "to_member_id"),
    ("ThreadRead", "message_id"),
    ("ThreadRead", "with_member_id"),
    ("SyncRequested", "from_member_id"),
    ("SyncRequested", "with_member_id"),
    ("SyncWithdrawn", "by_member_id"),
}


def texts(known: inspect.Type, of: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """The (Struct, field) of each text in it that is not marked."""
    if isinstance(known, inspect.Metadata):
        if not (known.extra or {}).get("personal"):
            yield from texts(known.type, of)
    elif isinstance(known, inspect.StructType):
        for field in known.fields:
            yield from texts(field.type, (known.cls.__name__, field.name))
    elif isinstance(known, inspect.StrType | inspect.AnyType | inspect.RawType):
        yield of
    elif isinstance(known, inspect.UnionType):
        for one in known.types:
            yield from texts(one, of)
    elif isinstance(known, inspect.DictType):
        yield from texts(known.key_type, of)
        yield from texts(known.value_type, of)
    elif hasattr(known, "item_type"):
        yield from texts(known.item_type, of)
    for one in getattr(known, "item_types", ()):
        yield from texts(one, of)


def test_every_text_in_an_event_is_personal_or_knowingly_not() -> None:
    """A new one: mark it with PERSONAL, or add it to the list above with a reason to be there."""
    found = {
        of
        for aggregate in (*AGGREGATES, *STORE_AGGREGATES)
        for event in aggregate.events
        for of in texts(inspect.type_info(event), (event.__name__, ""))
    }
    assert found == NOT_PERSONAL


events = st.one_of(
    st.builds(AttendeeRegistered, PROFILES),
    st.builds(AttendeeProfileChanged, PROFILES),
    st.builds(SpeakerSaved, speakers),
)


@st.composite
def recordings(draw: Any) -> Recorded:
    event, version = draw(events), draw(st.integers(1, 2**31))
    key = ("agenda", "evt_1") if isinstance(event, SpeakerSaved) else ("attendee", "evt_1", "ada")
    return Recorded(7, ":".join(key), version, event, NOW, "ada", "evt_1", None)


def sealed(recorded: Recorded, key: bytes = KEY, mapper: EnvelopeMapper = MAPPER) -> Any:
    """The columns of the log, and the names of the keys that open it."""
    keys = dict.fromkeys(mapper.persons(recorded), (3, key))
    e = mapper.sealed(recorded, keys)
    row = (7, e.originator_id, e.originator_version, e.topic, e.state)
    return row, {(person, number): of for person, (number, of) in keys.items()}


@given(recordings())
def test_sealing_and_opening_is_the_identity(recorded: Recorded) -> None:
    row, keys = sealed(recorded)
    assert MAPPER.needed([row]) == keys.keys()
    assert MAPPER.recorded(*row, keys=keys) == recorded


@given(recordings())
def test_what_is_sealed_is_not_among_the_facts(recorded: Recorded) -> None:
    row, _ = sealed(recorded)
    facts = msgspec.json.decode(row[4])["data"]
    if isinstance(recorded.event, SpeakerSaved):
        assert facts == {"speaker": {"id": recorded.event.speaker.id}, "source": ""}
    else:
        assert facts == {"profile": {"on_leaderboard": recorded.event.profile.on_leaderboard}}


@given(recordings())
def test_event_whose_key_is_destroyed_opens_to_erased_values(recorded: Recorded) -> None:
    row, _ = sealed(recorded)
    opened = MAPPER.recorded(*row, keys={})
    event: Any = recorded.event
    if isinstance(event, SpeakerSaved):
        wanted: Any = SpeakerSaved(Speaker(event.speaker.id, "Erased"))
    else:
        shown = event.profile.on_leaderboard
        profile = Profile("Erased", visibility="hidden", on_leaderboard=shown)
        wanted = type(event)(profile)
    assert opened == replace(recorded, event=wanted)


@given(recordings(), st.data())
def test_tampering_is_an_unreadable_event(recorded: Recorded, data: Any) -> None:
    row, keys = sealed(recorded)
    written = msgspec.json.decode(row[4])
    (box,) = written["sealed"].values()
    raw = bytearray(msgspec.convert(box["box"], bytes))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    box["box"] = bytes(raw)
    with pytest.raises(UnreadableEventError, match="position 7"):
        MAPPER.recorded(*row[:4], msgspec.json.encode(written), keys=keys)


@given(recordings())
def test_box_opens_at_no_other_place_with_no_other_key(recorded: Recorded) -> None:
    (position, stream, version, *rest), keys = sealed(recorded)
    another = dict.fromkeys(keys, ANOTHER)
    for place, with_ in (
        ((position, stream, version + 1, *rest), keys),
        ((position, stream.replace("evt_1", "evt_2"), version, *rest), keys),
        ((position, stream, version, *rest), another),
    ):
        named = {(p.replace("evt_1", "evt_2"), n): k for (p, n), k in with_.items()} | with_
        with pytest.raises(UnreadableEventError):
            MAPPER.recorded(*place, keys=named)


def test_sealed_event_is_never_read_by_who_forgot_the_keys() -> None:
    row, _ = sealed(
        Recorded(7, "attendee:e:ada", 1, AttendeeRegistered(Profile("Ada")), NOW, "", "")
    )
    with pytest.raises(UnreadableEventError, match="nobody has the keys"):
        MAPPER.recorded(*row)


# More people in one event, and Structs in tuples in Structs
class Heard(Struct, frozen=True):
    text: Annotated[str, PERSONAL]
    tone: str = ""


class Talk(Struct, frozen=True):
    speaker: Annotated[str, SPEAKER]
    heard: tuple[Heard, ...] = ()
    best: Heard | None = None
    nickname: Annotated[str | None, PERSONAL] = None


class Told(Struct, frozen=True):
    talks: tuple[Talk, ...]
    by: Annotated[str, personal("nobody")]


def told(erase: Any) -> EnvelopeMapper:
    known = Aggregate("told", None, (Told,), lambda c, s: (), lambda s, e, at: s, erase)
    return EnvelopeMapper((known,), {})


TOLD = told(lambda state, person: ())
words = st.text(max_size=3)
heard = st.builds(Heard, words, words)
talks = st.builds(
    Talk, st.sampled_from("pqr"), st.lists(heard, max_size=2).map(tuple), st.none() | heard, words
)


@given(
    st.builds(Told, st.lists(talks, max_size=3).map(tuple), words), st.sets(st.sampled_from("pqr"))
)
def test_only_those_who_are_erased_are(told: Told, erased: set[str]) -> None:
    recorded = Recorded(7, "told:evt_1:ada", 1, told, NOW, "ada", "evt_1")
    row, keys = sealed(recorded, mapper=TOLD)
    kept = {name: key for name, key in keys.items() if name[0].partition(":")[2] not in erased}
    opened = TOLD.recorded(*row, keys=kept).event
    assert opened.by == told.by
    for now, before in zip(opened.talks, told.talks, strict=True):
        assert now == (_erased(before) if before.speaker in erased else before)


def _erased(talk: Talk) -> Talk:
    heard = tuple(Heard("", h.tone) for h in talk.heard)
    best = talk.best and Heard("", talk.best.tone)
    return Talk(talk.speaker, heard, best)


def test_field_without_a_word_for_nothing_must_say_what_stands_in_its_place() -> None:
    class Aged(Struct):
        age: Annotated[int, PERSONAL]

    with pytest.raises(TypeError, match="say what stands in place"):
        marked(Aged)


def test_personal_events_of_an_aggregate_that_cannot_erase_them_raise_at_start() -> None:
    with pytest.raises(NotErasableError, match=r"Told of told is personal.*`erase"):
        told(erase=None)
