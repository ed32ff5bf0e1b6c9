from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from domain.blocks import BLOCKS, BlockMember, MemberBlocked, MemberUnblocked, UnblockMember
from projections.attendees.rows import PEOPLE
from projections.messages.rows import THREADS_OF_MEMBERS
from projections.missions.rows import MISSION_LEADERBOARD
from projections.syncs.rows import MEMBER_SYNCS
from tests.harness.capability import Capability
from tests.harness.values import members


def commands(event_id: str) -> SearchStrategy[Command]:
    whom = {"event_id": st.just(event_id), "member_id": members, "blocked_member_id": members}
    return st.builds(BlockMember, **whom) | st.builds(UnblockMember, **whom)


CAPABILITY = Capability(
    BLOCKS,
    commands,
    st.builds(MemberBlocked, members) | st.builds(MemberUnblocked, members),
    (PEOPLE, MISSION_LEADERBOARD, THREADS_OF_MEMBERS, MEMBER_SYNCS),
)
