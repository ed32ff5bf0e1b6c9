"""For which feed an event waits, for how long, and how it goes without."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import Recorded
from projections.read_models import FEEDS, READ_MODELS
from tests.boards import clicks, end_of, opening, project, recording, session, star
from tests.store import ask
from tests.workers.bus.test_relay import filled, leading, streamed, tell, told
from workers.bus import messages as bus
from workers.bus import waiting as module
from workers.bus.waiting import FeedState, Waiting

NAMES = [feed.name for feed in FEEDS]
OTHERS = [model.name for model in READ_MODELS if model.name not in NAMES]


def feeds(nats: str) -> dict[int, bool]:
    """Whether each message goes with what its feed says of it, by position."""
    bodies = {m.position: m.body for m in asyncio.run(streamed(nats))}
    return {at: msgspec.json.decode(body)["feed"] is not None for at, body in bodies.items()}


@pytest.mark.parametrize("trouble", ["behind", "not there", "stuck", "of an older version"])
@pytest.mark.parametrize("late", OTHERS)
def test_no_event_waits_for_a_table_that_is_no_feed(
    database: str, nats: str, late: str, trouble: str
) -> None:
    positions = filled(database, 6)
    plant(database, late, trouble, positions[3])
    asyncio.run(tell(database, nats))
    assert feeds(nats) == dict.fromkeys(positions, True)


def plant(database: str, name: str, trouble: str, position: int) -> None:
    statement = {
        "behind": "UPDATE views.positions SET position = %s WHERE name = %s",
        "not there": "DELETE FROM views.positions WHERE position >= %s AND name = %s",
        "stuck": "UPDATE views.positions SET problem = 'it is', position = %s WHERE name = %s",
        "of an older version": "UPDATE views.positions SET version = 0, position = %s "
        "WHERE name = %s",
    }[trouble]
    ask(database, statement, position, name)


@pytest.mark.parametrize("trouble", ["stuck", "of an older version"])
def test_event_whose_feed_does_not_go_on_goes_without_it_at_once(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 2.0**30)
    positions = filled(database, 6)
    plant(database, "live_missions", trouble, positions[3])
    asyncio.run(tell(database, nats))
    assert feeds(nats) == {position: position <= positions[3] for position in positions}


def test_event_waits_for_its_own_feed_and_those_after_it_wait_with_it(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 2.0**30)
    with recording(database) as record:
        before = record(*opening(), *clicks(2))
        record(*clicks(1), session("s1"))
    asyncio.run(project(database))
    plant(database, "live_missions", "behind", before[-1])
    asyncio.run(tell(database, nats))
    waiting = asyncio.run(told(nats))
    plant(database, "live_missions", "behind", end_of(database))
    asyncio.run(tell(database, nats))
    assert waiting == before
    assert feeds(nats) == dict.fromkeys(range(1, end_of(database) + 1), True)


def test_event_of_another_capability_does_not_wait_for_a_feed_that_says_nothing_of_it(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 2.0**30)
    with recording(database) as record:
        record(*opening(), *clicks(2))
        asyncio.run(project(database))
        record(session("s1"))
        record(star("s1"))
    of_sessions = [model for model in READ_MODELS if model.name == "live_sessions"]
    asyncio.run(project(database, of_sessions))
    asyncio.run(tell(database, nats))
    assert feeds(nats) == dict.fromkeys(range(1, end_of(database) + 1), True)


def test_event_that_has_waited_for_long_enough_goes_without_and_so_do_those_after_it(
    database: str, nats: str
) -> None:
    """Until the feed shows all that went before."""

    async def story() -> tuple[float, int]:
        async with leading(database, nats) as relay:
            began, steps = time.monotonic(), 0  # it begins to wait in the last of these steps
            while await relay.step():
                pass
            while relay.position < end_of(database):
                await asyncio.sleep(0.02)
                steps += await relay.step()
            return time.monotonic() - began, steps

    positions = filled(database, 6)
    plant(database, "live_missions", "behind", positions[3])
    waited, steps = asyncio.run(story())
    plant(database, "live_missions", "behind", positions[-1])
    more = filled(database, 2, "evt_2")
    asyncio.run(tell(database, nats))
    assert feeds(nats) == {
        position: position <= positions[3] or position in more for position in positions + more
    }
    assert module.PATIENCE < waited < module.PATIENCE + 1
    assert steps == 1


def test_what_a_page_says_is_bounded_and_the_rest_is_read_from_postgres(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.bus.relay.SAID", 1_000)
    positions = filled(database, 12)
    asyncio.run(tell(database, nats))
    said = feeds(nats)
    assert list(said) == positions
    assert 2 < sum(said.values()) < 8
    assert list(said.values()) == sorted(said.values(), reverse=True)


def test_list_of_messages_that_never_fits_is_not_even_asked_for(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.bus.relay.LISTED", 2)
    with recording(database) as record:
        record(*opening())
        for number in (2, 3):
            record(session(f"s{number}"))
            record(*(star(f"s{number}", f"usr_{i}") for i in range(number)))
            record(session(f"s{number}", hours=1))
    asyncio.run(project(database))
    asyncio.run(tell(database, nats))
    without = [at for at, with_feed in feeds(nats).items() if not with_feed]
    assert without == [end_of(database)]


# Which may go, as a law
OF_FEEDS = sorted(name for feed in FEEDS for name in feed.aggregates)
of_page = st.lists(st.sampled_from([*OF_FEEDS, "attendee"]), min_size=1, max_size=8)
stands = st.builds(FeedState, st.integers(0, 9), st.booleans())
of_each = st.fixed_dictionaries(dict.fromkeys(NAMES, stands))
steps = st.lists(st.tuples(of_each, st.sampled_from([0.0, 0.2, 0.7])), max_size=6)


def page_of(aggregates: Sequence[str], published: int) -> list[Recorded]:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    log = [
        Recorded(position, f"{name}:evt_1:ada", 1, None, when, "", "")
        for position, name in enumerate(aggregates, 1)
    ]
    return log[published:]


@given(of_page, steps)
def test_what_goes_is_a_beginning_of_the_page_and_what_it_says_is_shown(
    aggregates: list[str], moves: list[tuple[dict[str, FeedState], float]]
) -> None:
    waiting, published, now, since = Waiting(FEEDS), 0, 0.0, None
    for states, passes in moves:
        now += passes
        page = page_of(aggregates, published)
        ready, shown = waiting.ready(page, published, states, now)
        assert list(ready) == page[: len(ready)]
        for recorded in ready:
            feed = waiting.feed_of(recorded)
            says = feed is not None and states[feed.name].position >= recorded.position
            assert says == any(recorded.position in positions for positions in shown.values())
        if len(ready) < len(page):  # and what waits does so for a feed that goes on
            feed = waiting.feed_of(page[len(ready)])
            assert feed is not None
            assert states[feed.name].goes_on
            assert states[feed.name].position < page[len(ready)].position
        since = now if ready or since is None else since  # the first that waits, since when it does
        assert not page or ready or now - since <= module.PATIENCE
        published += len(ready)


def test_messages_are_of_the_scope_and_aggregate_that_their_subject_names() -> None:
    recorded = page_of(["missions"], 0)[0]
    dotted = msgspec.structs.replace(recorded, stream="missions:evt.1:a.b")
    assert bus.announced(bus.subject(dotted)) == ("missions", "evt.1")
    assert bus.announced("events.x") == ("x", "")
    assert bus.announced("x") == ("", "")
