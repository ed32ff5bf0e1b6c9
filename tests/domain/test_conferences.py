from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from domain.conferences import (
    CONFERENCE,
    AnnounceConference,
    ConferenceAnnounced,
    ConferenceChanged,
)
from domain.errors import Invalid
from tests.harness.rules import given

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
ANNOUNCE = AnnounceConference(event_id="evt_1", name="A conference", timezone="UTC")
ANNOUNCED, ANOTHER = (ConferenceAnnounced(name, "UTC") for name in ("A conference", "Another"))
CHANGED = ConferenceChanged("A conference", "UTC")
BACKWARDS = replace(ANNOUNCE, starts_at=NINE, ends_at=NINE - timedelta(1))
conference = given(CONFERENCE)


def test_conference_is_announced() -> None:
    conference.when(ANNOUNCE).then(ANNOUNCED).when(ANNOUNCE).then()
    conference.given(ANOTHER).when(ANNOUNCE).then(CHANGED).when(ANNOUNCE).then()
    conference.when(BACKWARDS).then(Invalid("", ("$.ends_at", "is before starts_at")))


def test_conference_exists_once_it_is_announced() -> None:
    assert not CONFERENCE.initial.exists
    assert CONFERENCE.evolve(CONFERENCE.initial, ANNOUNCED, NINE).exists
