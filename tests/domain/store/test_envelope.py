import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from eventsourcing.persistence import Notification, StoredEvent
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from domain.aggregate import Aggregate, Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.bulk import STORE_AGGREGATES
from domain.store.envelope import EnvelopeMapper, UnreadableEventError

FIXTURE = Path(__file__).parents[2] / "fixtures" / "events.jsonl"
MAPPER = EnvelopeMapper(AGGREGATES, RENAMED)
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Stored(Struct, frozen=True):
    """A line of the fixture: an event as some version wrote it."""

    since: str
    topic: str
    state: msgspec.Raw


def stored() -> list[Stored]:
    lines = FIXTURE.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=Stored) for line in lines]


@pytest.mark.parametrize("line", stored(), ids=lambda line: f"{line.topic} of {line.since}")
def test_event_of_every_version_loads_for_ever(line: Stored) -> None:
    key = bytes(32)
    keys = {("b", 1): key, ("b:p1", 1): key}
    recorded = MAPPER.recorded(7, "a:b", 1, line.topic, bytes(line.state), keys=keys)
    assert recorded.position == 7
    assert type(recorded.event).__name__ == RENAMED.get(line.topic, line.topic)


def test_fixture_has_every_event_there_is_in_the_shape_it_has_now() -> None:
    """New fields go into a new line; the old one stays."""
    shapes = {
        (RENAMED.get(line.topic, line.topic), frozenset(facts(line.state))) for line in stored()
    }
    missing = {
        event.__name__
        for aggregate in (*AGGREGATES, *STORE_AGGREGATES)
        for event in aggregate.events
        if (event.__name__, frozenset(event.__struct_fields__)) not in shapes
    }
    assert missing == set(), (
        "a line for each in tests/fixtures/events.jsonl, with all fields in data"
    )


def facts(state: msgspec.Raw) -> dict[str, object]:
    data: dict[str, object] = msgspec.json.decode(state)["data"]
    return data


class Lent(Struct, frozen=True):
    book: str


class Returned(Struct, frozen=True):
    book: str
    late: bool = False


def shelf(*events: type[Struct]) -> Aggregate:
    return Aggregate("shelf", None, events, lambda c, s: (), lambda s, e, at: s)


SHELF = EnvelopeMapper((shelf(Lent, Returned),), {"GivenBack": "Returned"})

moments = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001 - UTC
recordings = st.builds(
    Recorded,
    st.integers(1, 2**63 - 1),
    st.just("shelf:a"),
    st.integers(1, 2**31),
    st.builds(Lent, st.text()) | st.builds(Returned, st.text(), st.booleans()),
    moments,
    st.text(),
    st.text(),
    st.none() | st.text(),
)


@given(recordings)
def test_what_is_written_is_read_again(recorded: Recorded) -> None:
    event = SHELF.to_stored_event(recorded)
    columns = (event.originator_id, event.originator_version, event.topic, event.state)
    assert SHELF.recorded(recorded.position, *columns) == recorded  # type: ignore[arg-type]
    assert SHELF.to_domain_event(Notification(*columns, id=recorded.position)) == recorded
    assert SHELF.to_domain_event(event) == msgspec.structs.replace(recorded, position=0)


def test_name_in_the_log_is_the_class_alone() -> None:
    recorded = Recorded(1, "shelf:a", 1, Lent("Emma"), NOW, "ada", "evt_1")
    assert SHELF.to_stored_event(recorded) == StoredEvent(
        "shelf:a",
        1,
        "Lent",
        b'{"at":"2026-11-01T12:00:00Z","actor":"ada","tenant":"evt_1",'
        b'"data":{"book":"Emma"},"trace":null}',
    )


def test_event_that_was_renamed_or_grew_since_loads() -> None:
    state = b'{"at":"2026-11-01T12:00:00Z","actor":"ada","tenant":"evt_1","data":{"book":"Emma"}}'
    recorded = SHELF.recorded(1, "shelf:a", 1, "GivenBack", state)
    assert recorded.event == Returned("Emma", late=False)


@pytest.mark.parametrize(
    ("topic", "state", "why"),
    [
        ("Burnt", b"{}", "no event here is, or was, called Burnt"),
        ("Lent", b"{}", "it is no Lent: Object missing required field `at`"),
        (
            "Lent",
            b'{"at":"2026-11-01T12:00:00Z","actor":"a","tenant":"t","data":{"book":1}}',
            "it is no Lent: Expected `str`, got `int` - at `$.book`",
        ),
    ],
)
def test_event_that_cannot_be_read_says_which_and_why(topic: str, state: bytes, why: str) -> None:
    said = f"the event at position 9 cannot be read: {why}"
    with pytest.raises(UnreadableEventError, match=re.escape(said)) as raised:
        SHELF.recorded(9, "shelf:a", 1, topic, state)
    assert raised.value.position == 9


def test_renamed_event_must_have_a_name_that_exists() -> None:
    with pytest.raises(KeyError):
        EnvelopeMapper((shelf(Lent),), {"Borrowed": "Loaned"})
