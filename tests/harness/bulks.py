"""The store's own aggregate. Members do not send its commands: `often` is 0, and the machine has a
rule of its own for many commands as one."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from domain.conferences import AnnounceConference
from domain.errors import STORED_NAMES
from domain.store.bulk import (
    BULK,
    AdvanceBulk,
    BulkAdvanced,
    BulkCompleted,
    BulkStarted,
    RefusedCommand,
    Tally,
)
from tests.harness.capability import Capability

few = st.integers(0, 4)
wholes = st.builds(BulkStarted, few, st.sampled_from(["aa", "bb"]), st.booleans())
refusals = st.lists(
    st.builds(RefusedCommand, few, st.sampled_from([*STORED_NAMES.values()])), max_size=2
).map(tuple)


@st.composite
def pieces(draw: Any, event_id: str) -> AdvanceBulk:
    """Pieces of a bulk, once their commands are decided."""
    whole = draw(wholes)
    one = AnnounceConference(event_id=event_id, name="A conference", timezone="UTC")
    return AdvanceBulk(
        scope_id=event_id,
        name="a digest",
        whole=whole,
        first=draw(few),
        commands=(one,) * draw(few),
        tally=draw(st.builds(Tally, few, few, refusals)),
    )


def commands(event_id: str) -> SearchStrategy[Command]:
    return pieces(event_id)


EVENTS = st.one_of(
    wholes,
    st.builds(BulkAdvanced, few, few, few, refusals),
    st.builds(BulkCompleted, few, few, few),
)
CAPABILITY = Capability(BULK, commands, EVENTS, often=0)
