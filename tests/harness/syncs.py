from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from domain.appointments import APPOINTMENTS, LeaveSyncs
from domain.sync_events import (
    AppointmentCancelled,
    AppointmentMade,
    RequestClosed,
    RequestOpened,
    SyncAccepted,
    SyncDeclined,
    SyncErased,
    SyncExpired,
    SyncRequested,
    SyncWithdrawn,
)
from domain.syncs import SYNC, AcceptSync, DeclineSync, ExpireSync, RequestSync, WithdrawSync
from projections.attendees.acts import ATTENDEE_ACTS
from projections.read_models import CAPABILITIES as KEPT
from projections.syncs.rows import LIVE_SYNCS, MEMBER_SYNCS
from tests.harness.capability import START, Capability
from tests.harness.values import members, names

(DUE,) = KEPT["work"]

ids = st.sampled_from([f"sync-{n}" for n in range(4)])
lengths = st.sampled_from([10, 30, 60])
starts = st.sampled_from([START + timedelta(minutes=15 * n) for n in (-1, 1, 2, 3, 2_000)])
proposals = st.lists(starts, min_size=1, max_size=3, unique=True).map(lambda s: tuple(sorted(s)))
times = st.sampled_from([START, START + timedelta(minutes=20), START + timedelta(days=2)])
places = st.sampled_from(["", "Hall A"])


def on_syncs(event_id: str) -> SearchStrategy[Command]:
    of: dict[str, SearchStrategy[Any]] = {"event_id": st.just(event_id), "sync_id": ids}
    by = {**of, "member_id": members, "at": times}
    asked = st.builds(
        RequestSync,
        **by,
        target_member_id=members,
        minutes=lengths,
        proposals=proposals,
        note=names,
        place=places,
    )
    accepted = st.builds(AcceptSync, **by, target_member_id=members, start=starts, place=places)
    return st.one_of(
        asked,
        asked,
        accepted,
        accepted,
        st.builds(DeclineSync, **by),
        st.builds(WithdrawSync, **by),
        st.builds(ExpireSync, **of, based_on=st.integers(1, 200)),
    )


def on_calendars(event_id: str) -> SearchStrategy[Command]:
    return st.builds(
        LeaveSyncs,
        event_id=st.just(event_id),
        member_id=members,
        other_id=st.none() | members,
        at=times,
    )


OF_SYNCS = st.one_of(
    st.builds(SyncRequested, members, members, lengths, proposals, starts, names, places),
    st.builds(SyncAccepted, members, starts, places),
    st.just(SyncDeclined()),
    st.builds(SyncWithdrawn, members),
    st.builds(SyncExpired, st.integers(1, 200)),
    st.builds(SyncErased, members),
)
OF_CALENDARS = st.one_of(
    st.builds(RequestOpened, ids, members, st.booleans(), lengths, proposals, starts),
    st.builds(RequestClosed, ids, members, st.sampled_from(["declined", "withdrawn", "expired"])),
    st.builds(
        lambda sync, other, start, minutes: AppointmentMade(
            sync, other, start, start + timedelta(minutes=minutes)
        ),
        ids,
        members,
        starts,
        lengths,
    ),
    st.builds(AppointmentCancelled, ids, members),
)
SYNCS = Capability(
    SYNC, on_syncs, OF_SYNCS, (MEMBER_SYNCS, LIVE_SYNCS, DUE, ATTENDEE_ACTS), often=5
)
CALENDARS = Capability(APPOINTMENTS, on_calendars, OF_CALENDARS, (MEMBER_SYNCS, LIVE_SYNCS))
