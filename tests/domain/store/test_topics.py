"""Names that events are stored under: one each, for ever."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import Struct, defstruct

from domain.aggregate import Aggregate, Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.missions import MessageReported, SyncReported
from domain.store.bulk import STORE_AGGREGATES, BulkStarted
from domain.store.envelope import EnvelopeMapper
from domain.store.topics import DuplicateEventError, Topics

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TAKEN = (
    "MessageSent of threads would be stored under MessageSent, as MessageReported of missions is"
)


def event(name: str) -> type[Struct]:
    return defstruct(name, [("book", str)], frozen=True)


def owner(name: str, *events: type[Struct]) -> Aggregate:
    return Aggregate(name, None, events, lambda c, s: (), lambda s, e, at: s)


def test_events_go_on_being_stored_under_the_names_of_today() -> None:
    """A version that runs beside this one knows no others."""
    topics = Topics((*AGGREGATES, *STORE_AGGREGATES), RENAMED)
    for kind in (e for a in AGGREGATES for e in a.events):
        old = {MessageReported: "MessageSent", SyncReported: "SyncCreated"}.get(kind)
        assert {name for name, of in topics.types.items() if of is kind} >= {old or kind.__name__}
    mapper = EnvelopeMapper(AGGREGATES, RENAMED)
    for kind, topic in ((MessageReported, "MessageSent"), (SyncReported, "SyncCreated")):
        recorded = Recorded(7, "missions:evt_1:ada", 1, kind("ben", NOW), NOW, "ada", "evt_1")
        stored = mapper.to_stored_event(recorded)
        assert stored.topic == topic
        assert mapper.recorded(7, stored.originator_id, 1, topic, stored.state) == recorded  # type: ignore[arg-type]


def test_message_that_is_really_sent_may_be_called_so() -> None:
    """Stored under another name than the reports of old."""
    sent, reported = event("MessageSent"), event("MessageReported")
    renamed = {"MessageSent": "MessageReported", "ThreadMessageSent": "MessageSent"}
    topics = Topics((owner("missions", reported), owner("threads", sent)), renamed)
    assert (topics.of(sent("a")), topics.of(reported("a"))) == ("ThreadMessageSent", "MessageSent")
    assert topics.types["MessageSent"] is reported
    assert topics.types["ThreadMessageSent"] is sent
    assert topics.owners["ThreadMessageSent"].name == "threads"


def test_event_is_written_under_its_last_line_and_read_under_all() -> None:
    lent = event("Lent")
    topics = Topics((owner("shelf", lent),), {"GivenAway": "Lent", "Lent": "Lent"})
    assert topics.of(lent("Emma")) == "Lent"
    assert topics.types["GivenAway"] is lent


@pytest.mark.parametrize(
    ("aggregates", "renamed", "why"),
    [
        (
            (owner("missions", event("MessageSent")), owner("threads", event("MessageSent"))),
            {},
            "two events are called MessageSent: one of missions, and one of threads",
        ),
        (
            (owner("missions", event("MessageReported")), owner("threads", event("MessageSent"))),
            {"MessageSent": "MessageReported"},
            TAKEN,
        ),
        (
            (owner("missions", event("MessageReported")), owner("threads", event("MessageSent"))),
            {"MessageSent": "MessageReported", "MessageReported": "MessageReported"},
            TAKEN,
        ),
        (
            (owner("imports", event("BulkStarted")),),
            {},
            "two events are called BulkStarted: one of imports, and one of bulk",
        ),
    ],
)
def test_two_events_of_one_name_raise_at_start_and_both_are_named(
    aggregates: Any, renamed: dict[str, str], why: str
) -> None:
    with pytest.raises(DuplicateEventError, match=re.escape(why)):
        EnvelopeMapper(aggregates, renamed)


def test_scope_of_an_event_comes_from_its_aggregate() -> None:
    joined = event("Joined")
    club = msgspec.structs.replace(owner("club", joined), scope="client")
    mapper = EnvelopeMapper((club,), {})
    recorded = Recorded(7, "club:acme", 1, joined("Emma"), NOW, "ada", "acme", None, "client")
    stored = mapper.to_stored_event(recorded)
    again = mapper.recorded(7, "club:acme", 1, stored.topic, stored.state)
    assert again == recorded
    assert str(again.scope) == "client:acme"
    started = Recorded(7, "bulk:evt_1:a", 1, BulkStarted(1, ""), NOW, "ada", "evt_1")
    assert str(started.scope) == "event:evt_1"
