"""The capability that the README shows, tried as it is printed there."""

import re
from datetime import UTC, datetime
from textwrap import dedent
from typing import Any

from domain.aggregate import Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.conferences import Conference, ConferenceAnnounced
from domain.personal import ERASED
from domain.store.envelope import EnvelopeMapper
from projections.question import MemberAsk
from projections.read_model import folded
from tests.product import ROOT

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
BLOCK = re.compile(r"^ *```python\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
BLOCKS = [dedent(found) for found in BLOCK.findall((ROOT / "README.md").read_text("utf-8"))]
# What the README leaves out: imports, and the states and commands of its last block.
IMPORTS = """
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Struct

from domain.aggregate import (
    GIVEN, Aggregate, Announced, Command, Recorded, StreamName, stream
)
from domain.errors import NotFound
from domain.personal import ERASED, Person, personal
from projections.question import MemberAsk, Own, keyed
from projections.read_model import Change, ReadModel, Table
from tests.harness.rules import given
"""
LAST = 'SIGN = SignGuestbook(event_id="evt_1", member_id="ada", line="I was here.")'


def guestbook() -> dict[str, Any]:
    """The names that the README's blocks define; the last of them are rules, which hold here."""
    names = {"__name__": __name__, "CONFERENCE": Conference(ConferenceAnnounced("C", "UTC"))}
    for block in (IMPORTS, *BLOCKS[:-1], LAST, BLOCKS[-1]):
        before = dict(names)
        exec(compile(block, "README.md", "exec", dont_inherit=True), names)  # noqa: S102 - our own
        taken = {name for name in before if before[name] is not names[name]}
        assert not taken, f"the README gives two things one name: {taken}"
    return names


def test_capability_of_the_readme_can_be_decided_read_and_erased() -> None:
    names = guestbook()
    aggregate, question = names["GUESTBOOK"], names["OWN_ENTRY"]
    EnvelopeMapper((*AGGREGATES, aggregate), RENAMED)  # raises where nothing could erase it
    signed = names["GuestbookSigned"]("I was here.")
    state = aggregate.evolve(aggregate.initial, signed, NOW)
    (erased,) = aggregate.erase(state, "ada")
    assert aggregate.erase(aggregate.evolve(state, erased, NOW), "ada") == ()
    log = [
        Recorded(number, "guestbook:evt_1:ada", number, event, NOW, "ada", "evt_1")
        for number, event in enumerate((signed, erased), 1)
    ]
    ask = MemberAsk("evt_1", "ada")
    assert question.streams(ask) == ("guestbook:evt_1:ada",)
    for recorded, line in ((log[:1], "I was here."), (log, ERASED)):
        rows = folded(question.read_model, recorded)
        found = {table: [*of.values()] for table, of in rows.items()}
        assert question.answer(ask, found) == names["Entry"]("evt_1", "ada", line, NOW)
