"""The rows of both, what is due, and what follows from others' events."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from msgspec import Struct

from domain.aggregate import Recorded
from domain.appointments import LeaveSyncs
from domain.attendees import AttendeeErased
from domain.blocks import MemberBlocked
from domain.sync_events import (
    SyncAccepted,
    SyncDeclined,
    SyncErased,
    SyncExpired,
    SyncRequested,
    SyncWithdrawn,
)
from domain.syncs import SYNC, status_at
from projections.due import Done, Wanted
from projections.read_model import folded
from projections.syncs.expiry import expiry
from projections.syncs.leaving import leave
from projections.syncs.rows import MEMBER_SYNCS, SYNCS, TEXTS, MemberSync, SyncText
from tests.harness.capability import START
from tests.harness.play import played, stories
from tests.harness.values import EVENT

LATER = START + timedelta(hours=1)
REQUESTED = SyncRequested("ada", "ben", 30, (LATER,), LATER, "Hello", "Hall A")


def recorded(stream: str, *events: Struct) -> list[Recorded]:
    return [
        Recorded(10 * n, f"{stream}:evt_1:s1", n, event, START, "ada", "evt_1")
        for n, event in enumerate(events, 1)
    ]


def text(*events: Struct) -> SyncText:
    (row,) = folded(MEMBER_SYNCS, recorded("sync", *events))[TEXTS].values()
    assert isinstance(row, SyncText)
    return row


@given(stories(40))
def test_rows_of_both_say_what_the_sync_says(story: list[Any]) -> None:
    play = played(story)
    rows: dict[str, list[MemberSync]] = {}
    for row in folded(MEMBER_SYNCS, play.log).get(SYNCS, {}).values():
        rows.setdefault(row.sync_id, []).append(row)
    for sync_id, both in rows.items():
        sync = play.state(f"sync:{EVENT}:{sync_id}")
        assert {(row.member_id, row.other_id, row.is_mine) for row in both} == {
            (sync.asker, sync.asked, True),
            (sync.asked, sync.asker, False),
        }
        assert {(row.status, row.start, row.until) for row in both} == {
            (sync.status, sync.start, sync.until)
        }
        assert {status_at(sync.status, row.until, LATER) for row in both} == {sync.status_at(LATER)}


def test_place_is_that_of_who_named_it_last_and_each_text_goes_with_its_author() -> None:
    accepted, elsewhere = SyncAccepted("ben", LATER), SyncAccepted("ben", LATER, "The stairs")
    hall = SyncText("evt_1", "s1", "ada", "Hello", "Hall A", "ada", "Hall A")
    assert text(REQUESTED, accepted) == hall
    both = text(REQUESTED, elsewhere)
    assert (both.note, both.place) == ("Hello", "The stairs")
    without_ada = text(REQUESTED, elsewhere, SyncErased("ada"))
    assert (without_ada.note, without_ada.place) == ("Erased", "The stairs")
    without_ben = text(REQUESTED, elsewhere, SyncErased("ben"))
    assert without_ben == hall == text(REQUESTED, accepted, SyncErased("ben"))  # as it is rebuilt
    assert text(REQUESTED, SyncErased("ada")).place == ""


def test_request_is_due_when_it_expires_and_what_is_answered_is_done() -> None:
    ends = SyncAccepted("ben", LATER), SyncDeclined(), SyncWithdrawn("ada"), SyncExpired(10)
    for end in ends:
        first, last = recorded("sync", REQUESTED, end)
        assert list(expiry(first)) == [Wanted("evt_1:s1", LATER, LATER)]
        (done,) = expiry(last)
        assert isinstance(done, Done)
        assert done.subject == "evt_1:s1"
        assert done.based_on >= first.position
    assert SYNC.name == "sync"


def test_whoever_blocks_leaves_the_other_and_who_is_erased_all() -> None:
    of = {"event_id": "evt_1", "member_id": "s1", "at": START}
    (block,), (erased,) = (
        recorded("blocks", MemberBlocked("ben")),
        recorded("attendee", AttendeeErased()),
    )
    assert list(leave(block)) == [LeaveSyncs(**of, other_id="ben")]  # type: ignore[arg-type]
    assert list(leave(erased)) == [LeaveSyncs(**of, other_id=None)]  # type: ignore[arg-type]
