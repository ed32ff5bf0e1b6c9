"""Every capability that the laws are tried on, on one screen, and the store's own aggregate. A test
compares this with `domain.capabilities.AGGREGATES` and `projections.read_models.READ_MODELS`."""

from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from tests.harness import (
    addresses,
    agenda,
    attendees,
    blocks,
    bulks,
    calendar_links,
    conferences,
    messages,
    missions,
    syncs,
)
from tests.harness.capability import Capability

CAPABILITIES: tuple[Capability, ...] = (
    conferences.CAPABILITY,
    attendees.CAPABILITY,
    blocks.CAPABILITY,
    addresses.CAPABILITY,
    addresses.ROSTERS,
    missions.CATALOGUES,
    missions.BOARDS,
    missions.REPORTED,
    agenda.PROGRAMME,
    agenda.STARRED,
    calendar_links.CAPABILITY,
    messages.SENT,
    messages.ARRIVED,
    messages.FLAGGED,
    syncs.SYNCS,
    syncs.CALENDARS,
    bulks.CAPABILITY,
)


@st.composite
def commands(draw: st.DrawFn, event_id: str) -> Command:
    """Commands of all capabilities, each with its own weight. Composed, since Hypothesis words a
    strategy in full where it draws from one beside others, and this is too long for that."""
    return draw(_of_all(event_id))


@cache
def _of_all(event_id: str) -> SearchStrategy[Command]:
    return st.one_of([c.commands(event_id) for c in CAPABILITIES for _ in range(c.often)])


def capability(stream: str) -> Capability:
    """The capability of a stream."""
    (found,) = (c for c in CAPABILITIES if c.aggregate.name == stream.partition(":")[0])
    return found
