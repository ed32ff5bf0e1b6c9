from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.blocks import (
    BLOCKS,
    MOST,
    BlockMember,
    Blocks,
    MemberBlocked,
    MemberUnblocked,
    UnblockMember,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound, Refused
from tests.harness.rules import given

BLOCK, UNBLOCK = (
    kind(event_id="evt_1", member_id="ada", blocked_member_id="ben")
    for kind in (BlockMember, UnblockMember)
)
blocks = given(BLOCKS, conference=Conference(ConferenceAnnounced("A conference", "UTC")))


@tried_on(st.lists(st.sampled_from([BLOCK, UNBLOCK]), min_size=1))
def test_last_word_decides(said: list[Any]) -> None:
    state, blocked = blocks, False
    for word in said:
        changes = blocked != (word is BLOCK)
        event = MemberBlocked("ben") if word is BLOCK else MemberUnblocked("ben")
        state = state.when(word).then(*[event] * changes)
        blocked = word is BLOCK
    assert state.state == Blocks(frozenset({"ben"} if blocked else ()))


def test_nobody_blocks_themselves_and_blocks_are_bounded() -> None:
    oneself = BlockMember(event_id="evt_1", member_id="ada", blocked_member_id="ada")
    blocks.when(oneself).then(Refused("Nobody can block themselves."))
    full = blocks.given(*(MemberBlocked(f"other_{i}") for i in range(MOST)))
    full.when(BLOCK).then(Refused("1,000 members are blocked already, and no more can be."))
    full.given(MemberUnblocked("other_1")).when(BLOCK).then(MemberBlocked("ben"))


@pytest.mark.parametrize("word", [BLOCK, UNBLOCK])
def test_event_that_is_not_there_is_404(word: Any) -> None:
    blocks.given(conference=Conference()).when(word).then(NotFound("There is no event evt_1."))
