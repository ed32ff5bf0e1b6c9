from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from domain.calendar_links import (
    CALENDAR_LINK,
    CalendarLinkOpened,
    CalendarLinkRevoked,
    OpenCalendarLink,
    RevokeCalendarLink,
)
from tests.harness.capability import Capability
from tests.harness.values import members

digests = st.sampled_from(["a" * 64, "b" * 64])


def commands(event_id: str) -> SearchStrategy[Command]:
    at = {"event_id": st.just(event_id), "member_id": members}
    return st.one_of(
        st.builds(OpenCalendarLink, **at, digest=digests),
        st.builds(RevokeCalendarLink, **at),
    )


CAPABILITY = Capability(
    CALENDAR_LINK,
    commands,
    st.builds(CalendarLinkOpened, digests) | st.builds(CalendarLinkRevoked),
)
