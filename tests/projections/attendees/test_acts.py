"""Acts hour by hour: what counts as what, and once."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.aggregate import Recorded
from domain.messages import MessagesErased, ThreadMessageSent
from domain.missions import MessageReported, ProfileViewed, SyncReported
from domain.reports import AttendeeMessaged, AttendeeSynced, AttendeeViewed
from domain.sync_events import SyncAccepted, SyncRequested
from projections.attendees.acts import ACTS, ATTENDEE_ACTS, Acts, hour_of
from projections.read_model import folded
from tests.harness.capability import START

HOUR = hour_of(START)
REACTION = "reaction:meet"
SYNC = SyncRequested("ada", "ben", 30, (START,), START)


def recorded(event: Any, at: datetime = START, actor: str = "ada") -> Recorded:
    return Recorded(1, "any:evt_1:ada", 1, event, at, actor, "evt_1")


def counted(*log: Recorded) -> list[Acts]:
    return list(folded(ATTENDEE_ACTS, log)[ACTS].values())


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (AttendeeViewed("ben", START), "views"),
        (ProfileViewed("ben", START, 10), "views"),
        (ThreadMessageSent("m1", "ben", "Hello"), "messages"),
        (AttendeeMessaged("ben", START), "messages_reported"),
        (MessageReported("ben", START), "messages_reported"),
        (SYNC, "syncs"),
        (SyncAccepted("ben", START), "syncs_accepted"),
        (AttendeeSynced("ben", START), "syncs_reported"),
        (SyncReported("ben", START), "syncs_reported"),
    ],
)
def test_act_counts_in_its_hour_and_as_what_it_is(event: Any, kind: str) -> None:
    later = START + timedelta(hours=1)
    assert counted(recorded(event), recorded(event), recorded(event, later)) == [
        Acts("evt_1", HOUR, **{kind: 2}),
        Acts("evt_1", HOUR + 1, **{kind: 1}),
    ]


@pytest.mark.parametrize(
    "one",
    [
        recorded(AttendeeMessaged("ben", START), actor=REACTION),
        recorded(AttendeeSynced("ben", START), actor=REACTION),
        recorded(ProfileViewed("ben", START, 10, meets=True)),
        recorded(MessageReported("ben", START, meets=True)),
        recorded(SyncReported("ben", START, meets=True)),
        recorded(MessagesErased("ben", ("m1",))),
    ],
)
def test_act_that_another_event_says_already_does_not_count_again(one: Recorded) -> None:
    assert counted(one) == []
