from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.addresses import ADDRESSES, AddressErased, AddressSaved, ImportAttendee, Said
from domain.aggregate import Command
from domain.rosters import (
    ROSTER,
    AttendeeImportBegun,
    AttendeeImportEnded,
    BeginAttendeeImport,
    EndAttendeeImport,
    OpenRoster,
    RosterOpened,
)
from projections.attendees.addresses import ADDRESSES as ADDRESSES_SHOWN
from tests.harness.capability import Capability
from tests.harness.values import members, names, tags, texts

emails = st.sampled_from(["ada@example.org", "Zoë@example.org", "b+c@example.org"])
salts, digests = st.sampled_from(["aa" * 32, "bb" * 32]), st.sampled_from(["c" * 64, "d" * 64])
ids = st.sampled_from(["imp_1", "imp_2"])
SAID = st.builds(
    Said,
    name=st.none() | names,
    headline=st.none() | texts,
    company=st.none() | texts,
    interests=st.none() | tags,
    visibility=st.sampled_from([None, "listed", "hidden"]),
    on_leaderboard=st.none() | st.booleans(),
)
ended = st.builds(AttendeeImportEnded, ids, *[st.integers(0, 9)] * 5)


def imports(event_id: str) -> SearchStrategy[Command]:
    whom: dict[str, Any] = {"event_id": st.just(event_id), "member_id": members}
    return st.builds(ImportAttendee, **whom, email=st.none() | emails, said=SAID)


def rosters(event_id: str) -> SearchStrategy[Command]:
    of: dict[str, Any] = {"event_id": st.just(event_id)}
    return st.one_of(
        st.builds(OpenRoster, **of, salt=salts),
        st.builds(
            BeginAttendeeImport, **of, import_id=ids, digest=digests, after=st.integers(0, 99)
        ),
        st.builds(EndAttendeeImport, **of, ended=ended),
    )


CAPABILITY = Capability(
    ADDRESSES,
    imports,
    st.builds(AddressSaved, emails) | st.just(AddressErased()),
    (ADDRESSES_SHOWN,),
)
ROSTERS = Capability(
    ROSTER,
    rosters,
    st.one_of(
        st.builds(RosterOpened, salts),
        st.builds(AttendeeImportBegun, ids, digests, st.integers(0, 99)),
        ended,
    ),
)
