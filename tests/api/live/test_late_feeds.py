"""A feed that is stuck, being rebuilt or new neither holds up nor silences another's; and what it
says late is heard all the same."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from api.http.fields import LAST_POSITION
from api.live import feed as module
from api.live.catching_up import Said, Standing
from api.live.feed import Late, Live
from api.live.ids import NAMES, LastId, parsed
from api.live.reader import Reader
from api.live.watch import Watch
from domain.aggregate import Recorded
from domain.missions import MissionCompleted, MissionReset
from projections.engine import projector as projecting
from projections.engine.projector import Projector
from projections.missions.rows import LIVE_MISSIONS, MISSION_LEADERBOARD
from projections.read_model import Change, ReadModel, Table
from projections.read_models import CAPABILITIES, READ_MODELS
from tests.api.live.hearing import LATER, ids_of, positions, running, serving, working
from tests.boards import EVENT, Record, clicks, end_of, opening, project, recording, session, star
from tests.store import ask
from tests.waiting import eventually
from workers.bus.relay import Relay

BEN = (EVENT, "ben")
POSITION = "SELECT position FROM views.positions WHERE name = %s"


def stuck(model: ReadModel) -> ReadModel:
    """It cannot go on where somebody clicks; which is no fault of the event's."""

    def project(recorded: Recorded) -> Iterable[Any]:
        if isinstance(recorded.event, MissionCompleted | MissionReset):
            raise MemoryError("planted")
        return model.project(recorded)

    return replace(model, project=project)


def projectors(*planted: ReadModel) -> list[Projector]:
    """For all capabilities, with these read models in the place of their namesakes, or besides."""
    by_name = {model.name: model for model in planted}
    new = tuple(m for m in planted if m.name not in {model.name for model in READ_MODELS})
    return [
        Projector(
            (*(by_name.get(m.name, m) for m in models), *(new if name == "missions" else ())),
            name=f"projector {name}",
        )
        for name, models in CAPABILITIES.items()
    ]


@asynccontextmanager
async def troubled(database: str, nats: str, *planted: ReadModel) -> AsyncIterator[None]:
    async with running(database, *projectors(*planted), Relay(nats)):
        yield


def position(database: str, name: str) -> int:
    return int(ask(database, POSITION, name)[0][0])


async def moved(record: Record, hours: int) -> int:
    """The session that Ben has starred moves: the position."""
    (position,) = await asyncio.to_thread(record, session("s1", hours))
    return position


async def clicked(record: Record, number: int) -> list[int]:
    return await asyncio.to_thread(record, *clicks(number))


@pytest.mark.parametrize(
    "planted",
    [(MISSION_LEADERBOARD,), (LIVE_MISSIONS,), (MISSION_LEADERBOARD, LIVE_MISSIONS)],
    ids=lambda planted: " and ".join(model.name for model in planted),
)
def test_sessions_are_heard_of_while_missions_are_stuck(
    database: str, nats: str, planted: tuple[ReadModel, ...]
) -> None:
    async def story(record: Record) -> None:
        async with serving(database, nats) as process:
            ada, ben = await process.read(), await process.read(0, BEN)
            of_ada: list[int] = []
            async with troubled(database, nats, *map(stuck, planted)):
                of_ada += await clicked(record, 4)
                expected = [await moved(record, 1)]
                await eventually(lambda: ben == expected, 3)
                of_ada += await clicked(record, 2)
                expected += [await moved(record, 2)]
                await eventually(lambda: ben == expected, 3)
                for model in planted:
                    assert position(database, model.name) < of_ada[0]
                if LIVE_MISSIONS in planted:
                    assert ada == []
                else:
                    await eventually(lambda: ada == of_ada)
            async with working(database, nats):  # mended: what was late is heard, and then the rest
                await eventually(lambda: ada == of_ada)
                of_ada += await clicked(record, 2)
                await eventually(lambda: ada == of_ada)
                expected += [await moved(record, 3)]
                await eventually(lambda: ben == expected)

    with recording(database) as record:
        record(*opening(), session("s1"))
        record(star("s1", "ben"))
        asyncio.run(story(record))


def test_reader_hears_both_feeds_though_one_says_late_what_was_before(
    database: str, nats: str
) -> None:
    """One and the same reader: what comes late has a lower position than what it has heard."""

    async def story(record: Record) -> None:
        async with serving(database, nats) as process:
            async with working(database, nats):
                pass
            ids: list[str] = []
            ada = await process.read(ids=ids)
            async with troubled(database, nats, stuck(LIVE_MISSIONS)):
                late = await clicked(record, 4)
                in_time = [await moved(record, 1), await moved(record, 2)]
                await eventually(lambda: ada == in_time)
                resumed = await process.read(ids[-1])
                plain = await process.read(in_time[-1])  # nor whoever knows the number alone
            async with working(database, nats):
                everything = [*in_time, *late]
                await eventually(lambda: (ada, resumed, plain) == (everything, late, late))
                more = [*await clicked(record, 2), await moved(record, 3)]
                everything += more
                await eventually(lambda: (ada[6:], resumed[4:], plain[4:]) == (more, more, more))
                later = [await process.read(id_) for id_ in ids]
                await eventually(lambda: [told[-1:] for told in later[:-1]] == [more[-1:]] * 8)
                assert later == [expected(everything, i) for i in range(1, 10)]
            assert ids[-3:] == [str(position) for position in more]
            tops = [int(id_.split("-")[0]) for id_ in ids]
            assert tops == sorted(tops)

    with recording(database) as record:
        record(*opening(), session("s1"))
        record(star("s1", "ada"))
        asyncio.run(story(record))


def expected(everything: list[int], heard: int) -> list[int]:
    """The rest of what was told, in the order of the log."""
    return sorted(everything[heard:])


NOTHING = Table("live_missions_totals", LIVE_MISSIONS.tables[1].row, keys=1, overwrites=True)


def nothing(recorded: Recorded) -> Iterable[Change]:
    return ()


def test_new_read_model_with_a_long_log_before_it_holds_up_nothing(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is even of the same capability."""
    new = ReadModel("a_new_one", (NOTHING,), nothing)

    async def story(record: Record) -> None:
        async with serving(database, nats) as process:
            async with working(database, nats):
                pass
            monkeypatch.setattr(projecting, "PAGE", 5)
            old = end_of(database)
            ada, ben = await process.read(None), await process.read(None, BEN)
            async with troubled(database, nats, new):
                of_ada, of_ben = await clicked(record, 1), [await moved(record, 1)]
                await eventually(lambda: (ada, ben) == (of_ada, of_ben), 5)
                assert position(database, new.name) < old

    with recording(database) as record:
        record(*opening(), session("s1"))
        record(star("s1", "ben"))
        for i in range(6):
            record(*clicks(200, f"usr_{i}"))
        asyncio.run(story(record))


@pytest.mark.parametrize("how", ["behind at 0", "of an older version"])
def test_feed_that_is_made_anew_holds_up_no_other(database: str, nats: str, how: str) -> None:
    """And nobody who listens misses what it says once it is there."""
    statement = {
        "behind at 0": "UPDATE views.positions SET position = 0 WHERE name = 'live_missions'",
        "of an older version": "UPDATE views.positions SET version = 0 "
        "WHERE name = 'live_missions'",
    }[how]

    async def story(record: Record) -> None:
        async with serving(database, nats) as process:
            async with working(database, nats):
                ada, ben = await process.read(None), await process.read(None, BEN)
                await eventually(lambda: process.live.hears)
            ask(database, statement)
            others = [p for p in projectors() if p.name != "projector missions"]
            async with running(database, *others, Relay(nats)):
                of_ada, of_ben = await clicked(record, 2), [await moved(record, 1)]
                await eventually(lambda: ben == of_ben, 5)
            ask(database, "TRUNCATE views.live_missions, views.live_missions_progress")
            ask(
                database,
                "UPDATE views.positions SET version = 1, position = 0 WHERE name = 'live_missions'",
            )
            async with working(database, nats):
                await eventually(lambda: ada == of_ada)

    with recording(database) as record:
        record(*opening(), session("s1"))
        record(*clicks(4), star("s1", "ben"))
        asyncio.run(story(record))


def test_while_a_feed_catches_up_only_those_whom_it_told_something_ask_for_it(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(record: Record) -> None:
        async with serving(database, nats) as process:
            async with working(database, nats):
                await eventually(lambda: process.watch.positions[LIVE_MISSIONS.name])
            monkeypatch.setattr(module, "POLL_SECONDS", LATER)
            ada, ben = await process.read(None), await process.read(None, BEN)
            asked: list[str] = []
            plain = process.live.missed

            async def missed(reader: Reader) -> bytes:
                asked.append(reader.audience[1])
                return await plain(reader)

            process.live.missed = missed  # type: ignore[method-assign]
            before = end_of(database)
            of_ada = await clicked(record, 3)
            await project(database)
            process.live._late[LIVE_MISSIONS.name] = Late(of_ada[-1] + 9, None, before)
            process.watch.positions |= {LIVE_MISSIONS.name: of_ada[-1]}
            await process.live._look_for_late()
            await eventually(lambda: ada == of_ada)
            assert (set(asked), ben) == ({"ada"}, [])

    with recording(database) as record:
        record(*opening(), session("s1"))
        asyncio.run(story(record))


# From where a reader resumes
PLACES = range(len(NAMES))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.sampled_from(PLACES), st.integers(1, 9)),
        st.tuples(st.just("read"), st.booleans(), st.integers(1, 4)),
    ),
    max_size=30,
)


@given(st.lists(st.sampled_from([*PLACES, None]), max_size=30), steps, st.booleans())
def test_reader_who_resumes_by_an_id_hears_everything_once(
    log: list[int | None], steps: list[tuple[str, int, int]], catches_up: bool
) -> None:
    """`log`: of which feed each event is, if any. Feeds advance as they like; the reader reads a
    page, and may come back with the last id that it heard."""
    live = Live(None, "", watch := Watch(""))  # type: ignore[arg-type]
    shown = [0] * len(NAMES)
    watch.positions |= dict.fromkeys(NAMES, 0)
    told: list[int] = []
    ids: list[str] = []

    async def said_since(reader: Reader) -> Said:
        events = [(feed, position) for position, feed in enumerate(log, 1) if feed is not None]
        rows = [(f, p, "T", "{}", None) for f, p in events if reader.sent[f] < p <= shown[f]]
        return Said(list(shown), 0, rows[:3], len(rows) >= 3)

    async def standing() -> Standing:
        return Standing(list(shown), [0] * len(NAMES), 0, len(log))

    live._said_since, live._standing = said_since, standing  # type: ignore[method-assign]

    async def story() -> None:
        reader = await live.join(BEN, LastId(0), LATER, None)
        ends = [*(("advance", place, 30) for place in PLACES), ("read", 1, 4)]
        ends = ends if catches_up else []
        for what, which, number in [*steps, *ends, ("read", 0, 60)]:
            if what == "advance":
                shown[which] = min(len(log), shown[which] + number)
                watch.positions[NAMES[which]] = shown[which]
                continue
            if which and ids:
                reader = await live.join(BEN, parsed(ids[-1]), LATER, None)
            for _ in range(number):
                piece = await live.missed(reader)
                told.extend(positions(piece))
                ids.extend(ids_of(piece))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "MOMENT", 0)
        asyncio.run(story())
    for feed, upto in enumerate(shown):
        of_feed = [p for p, f in enumerate(log, 1) if f == feed]
        assert [p for p in told if p in of_feed] == [p for p in of_feed if p <= upto]
    tops = [parsed(id_).top for id_ in ids]
    assert tops == sorted(tops)
    assert all(re.fullmatch(LAST_POSITION, id_) for id_ in ids)


def of_each(least: int) -> st.SearchStrategy[list[int]]:
    """A position for each feed."""
    return st.lists(st.integers(least, 20), min_size=len(NAMES), max_size=len(NAMES))


@given(st.integers(0, 30), of_each(1), of_each(0))
def test_whoever_knows_only_a_position_hears_each_feed_from_where_it_stands(
    after: int, stand: list[int], began: list[int]
) -> None:
    """Where it is behind; though not what was no news any more when it began."""
    sent = joined(LastId(after), stand, began, 0).sent
    for place, stands in enumerate(stand):
        assert sent[place] == min(after, 20, max(stands, began[place]))


@given(of_each(1), st.integers(0, 20))
def test_whoever_joins_now_hears_nothing_that_a_late_feed_has_still_to_say(
    stand: list[int], published: int
) -> None:
    sent = joined(None, stand, [0] * len(NAMES), published).sent
    for place, stands in enumerate(stand):
        assert sent[place] == (stands if stands >= published or min(stand) == max(stand) else 20)


def joined(last: LastId | None, stand: list[int], began: list[int], published: int) -> Reader:
    """A reader of a log that ends with 20."""
    live = Live(None, "", watch := Watch(""))  # type: ignore[arg-type]
    watch.positions |= dict(zip(NAMES, stand, strict=True))

    async def standing() -> Standing:
        return Standing(stand, began, published, 20)

    live._standing = standing  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "MOMENT", 0)
        return asyncio.run(live.join(BEN, last, LATER, None))
