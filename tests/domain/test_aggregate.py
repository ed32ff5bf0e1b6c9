from datetime import UTC, datetime

import pytest

from domain.aggregate import GIVEN, Recorded, Scope
from domain.capabilities import AGGREGATES, ANNOUNCED_BY
from domain.store.bulk import STORE_AGGREGATES

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_scope_is_a_kind_and_an_id() -> None:
    scope = Scope.parse("event:evt_1")
    assert scope == Scope("event", "evt_1")
    assert str(scope) == "event:evt_1"


@pytest.mark.parametrize("text", ["", "evt_1", "event:", ":evt_1", "event:a:b"])
def test_text_that_names_no_scope_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no scope: one is KIND:ID"):
        Scope.parse(text)


def test_every_kind_of_scope_is_announced_by_an_aggregate_and_every_aggregate_has_one() -> None:
    aggregates = {a.name: a for a in (*AGGREGATES, *STORE_AGGREGATES)}
    assert {a.scope for a in AGGREGATES} == ANNOUNCED_BY.keys()
    assert {a.scope for a in STORE_AGGREGATES} == {None}
    for kind, name in ANNOUNCED_BY.items():
        assert aggregates[name].scope == kind
        assert aggregates[name].initial.exists is False


def test_recorded_event_knows_its_scope_and_whose_stream_it_is_on() -> None:
    recorded = Recorded(1, "missions:evt_1:ada", 1, None, NOW, "ada", "evt_1")
    assert (recorded.scope, recorded.scope_id) == (Scope("event", "evt_1"), "evt_1")
    assert (recorded.stream_key, recorded.member) == (("evt_1", "ada"), ("evt_1", "ada"))


def test_rule_that_looks_at_what_it_was_not_given_says_so() -> None:
    with pytest.raises(AttributeError, match="no state was given here, so it has no `exists`"):
        assert GIVEN.exists
    assert repr(GIVEN) == "GIVEN"
