import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import Recorded, stream
from domain.missions import MissionStarted
from workers.bus import messages as bus

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ids = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)


def recorded(*key: str, position: int = 1, at: datetime = NOW) -> Recorded:
    event = MissionStarted("goals")
    return Recorded(position, stream("missions", *key), 1, event, at, "ada", "evt_1")


@given(st.lists(ids, min_size=1, max_size=2))
def test_subject_has_five_parts_whatever_the_ids_hold(key: list[str]) -> None:
    parts = bus.subject(recorded(*key)).split(".")
    assert len(parts) == 5
    assert [part.replace("%2E", ".") for part in parts] == [
        "events",
        "missions",
        key[0],
        [*key, "-"][1],
        "MissionStarted",
    ]


@given(ids, ids, ids, ids)
def test_two_streams_never_share_a_subject(a: str, b: str, c: str, d: str) -> None:
    same = bus.subject(recorded(a, b)) == bus.subject(recorded(c, d))
    assert same == ((a, b) == (c, d))


def test_message_is_of_its_event_and_of_no_other() -> None:
    headers = bus.headers(recorded("evt_1", "ada"), None)
    others = [
        recorded("evt_1", "ben"),
        recorded("evt_1", "ada", position=2),
        recorded("evt_1", "ada", at=NOW.replace(year=2025)),
    ]
    assert bus.is_of(headers, recorded("evt_1", "ada"))
    assert [bus.is_of(headers, other) for other in others] == [False, False, False]
    assert not bus.is_of(None, recorded("evt_1", "ada"))


@pytest.mark.parametrize(
    ("headers", "position"),
    [(None, 0), ({}, 0), ({bus.POSITION: "17"}, 17), ({bus.POSITION: "x"}, 0)],
)
def test_position_of_a_message_that_is_not_ours_is_none(
    headers: dict[str, str] | None, position: int
) -> None:
    assert bus.position(headers) == position


def test_connecting_to_nobody_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bus, "PATIENCE", 0.7)
    with pytest.raises(ConnectionError, match="NATS does not answer"):
        asyncio.run(bus.connect("nats://127.0.0.1:1", "test"))
    assert len(caplog.records) == 1


@given(st.integers(0, 4_000), st.integers(0, 4_000), st.integers(bus.ROOM, bus.ROOM + 6_000))
def test_body_never_outgrows_a_message_and_leaves_out_facts_first(
    facts: int, said: int, most: int
) -> None:
    event = MissionStarted("x" * facts)
    feed = msgspec.json.encode(["x" * said])
    whole = msgspec.structs.replace(recorded("evt_1", "ada"), event=event)
    body = bus.body(whole, feed.decode(), most)
    # An empty body has some bytes too, for which there is room among the headers.
    assert len(body) <= max(most, bus.ROOM)
    left = msgspec.json.decode(body)
    if left["event"] is None:
        assert len(msgspec.json.encode(event)) + len(feed) + bus.ROOM > most
    if left["feed"] is None:
        assert (left["event"] is None) or len(feed) + bus.ROOM > most
        assert len(feed) + bus.ROOM > most
