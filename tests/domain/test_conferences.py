from datetime import UTC, datetime, timedelta

import pytest

from domain.conferences import (
    CONFERENCE,
    AnnounceConference,
    Conference,
    ConferenceAnnounced,
    ConferenceChanged,
    decide,
)
from domain.errors import Invalid

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
ANNOUNCE = AnnounceConference(event_id="evt_1", name="A conference", timezone="UTC")
ANNOUNCED = ConferenceAnnounced("A conference", "UTC")


def test_announcing_is_recorded() -> None:
    assert decide(ANNOUNCE, Conference()) == (ANNOUNCED,)


def test_announcing_the_same_again_changes_nothing() -> None:
    assert decide(ANNOUNCE, Conference(ANNOUNCED)) == ()


def test_announcing_something_else_changes_it() -> None:
    state = Conference(ConferenceAnnounced("Another", "UTC"))
    assert decide(ANNOUNCE, state) == (ConferenceChanged("A conference", "UTC"),)


def test_announcing_an_end_before_the_start_is_refused() -> None:
    command = AnnounceConference(
        event_id="evt_1", name="", timezone="", starts_at=NINE, ends_at=NINE - timedelta(1)
    )
    with pytest.raises(Invalid) as refused:
        decide(command, Conference())
    assert refused.value.errors == (("$.ends_at", "is before starts_at"),)


def test_conference_exists_once_it_is_announced() -> None:
    assert not CONFERENCE.initial.exists
    assert CONFERENCE.evolve(CONFERENCE.initial, ANNOUNCED, NINE).exists
