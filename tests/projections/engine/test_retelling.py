"""A replay gives what a rebuild gives, also of messages that stand on what another stream says."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import Command
from domain.catalogues import Mission, PublishCatalogue
from domain.missions import CompleteMission, MissionReopened, ResetMission
from projections.engine import retelling as module
from projections.engine.feed import Feed
from projections.missions.rows import LIVE_MISSIONS
from projections.sessions.rows import LIVE_SESSIONS
from tests.boards import EVENT, opening, project, recording, session, star
from tests.projections.engine.test_newer_events import BEFORE, older
from tests.projections.engine.test_parking import parked, request
from tests.projections.engine.test_rebuild import rebuilt
from tests.store import ask

CATALOGUE, STARS = f"catalogue:{EVENT}", f"stars:{EVENT}:ada"
OTHER = "evt_1-b"


def of_before(recorded: Any) -> Any:
    """Events of earlier versions do not say what was left, so messages stand on the catalogue."""
    event = recorded.event
    if hasattr(event, "left"):
        recorded = replace(recorded, event=replace(event, left=None))
    return LIVE_MISSIONS.project(recorded)


MISSIONS = replace(LIVE_MISSIONS, project=of_before)


def without(feed: Feed, stream: str) -> Feed:
    """It cannot apply what that stream has after its first event."""

    def project_(recorded: Any) -> Iterator[Any]:
        if recorded.stream == stream and recorded.version > 1:
            raise LookupError("a bug")
        yield from feed.project(recorded)

    return replace(feed, project=project_)


def catalogue(points: int, event_id: str = EVENT) -> Command:
    return PublishCatalogue(
        event_id=event_id, missions=(Mission("goals", "Goals", "", points, ""),)
    )


def click(member: str, number: int, event_id: str = EVENT) -> Command:
    kind = ResetMission if number % 2 else CompleteMission
    return kind(event_id=event_id, member_id=member, mission_id="goals")


def said(database: str, feed: Feed) -> list[tuple[Any, ...]]:
    columns = "event_id, member_id, position, data::text, type"
    query = f"SELECT {columns} FROM views.{feed.name} ORDER BY position, member_id"  # noqa: S608
    return ask(database, query)


def told_now(database: str, feed: Feed) -> list[tuple[Any, ...]]:
    """Messages that open screens are told after a replay, of positions that they have passed."""
    query = f"""SELECT event_id, member_id, position, data::text, type
        FROM views.belated JOIN views.{feed.name} USING (event_id, member_id, position)
        WHERE reader = '{feed.name}' ORDER BY seq"""  # noqa: S608
    return ask(database, query)


def shown(heard: Sequence[tuple[Any, ...]]) -> dict[tuple[str, str], str]:
    """The last message to each member."""
    return {(event, member): data for event, member, _, data, _ in heard}


def replay(database: str, feed: Feed, stream: str) -> None:
    request(database, "replay", stream)
    asyncio.run(project(database, [feed]))
    assert parked(database) == []


def agrees(database: str, feed: Feed) -> None:
    before = said(database, feed)
    done = rebuilt(database, feed)
    assert done.different == []
    assert said(database, feed) == before


def test_totals_of_a_catalogue_that_was_parked_are_in_what_members_heard_since(
    database: str,
) -> None:
    with recording(database) as record:
        record(*opening(), *opening(OTHER), click("ada", 0), click("eve", 0, OTHER))
        record(catalogue(70), click("ada", 1), click("ben", 0), click("eve", 1, OTHER))
        asyncio.run(project(database, [without(MISSIONS, CATALOGUE)]))
        stale = said(database, MISSIONS)
        replay(database, MISSIONS, CATALOGUE)
        told = said(database, MISSIONS)
        assert ['"points_total":70' in data for *_, data, _ in told] == [0, 0, 1, 1, 0]
        assert ['"points_total":70' in data for *_, data, _ in stale] == [0, 0, 0, 0, 0]
        assert told_now(database, MISSIONS) == told[2:4]
        assert shown(stale + told_now(database, MISSIONS)) == shown(told)
        agrees(database, MISSIONS)


def test_whose_last_message_was_right_is_told_nothing(database: str) -> None:
    """The totals between were wrong, and are again what they were."""
    with recording(database) as record:
        record(*opening(), click("ada", 0), catalogue(70), click("ada", 1))
        record(catalogue(10), click("ada", 0))
        asyncio.run(project(database, [without(MISSIONS, CATALOGUE)]))
        stale = said(database, MISSIONS)
        replay(database, MISSIONS, CATALOGUE)
        told = said(database, MISSIONS)
        assert [one == other for one, other in zip(stale, told, strict=True)] == [1, 0, 1]
        assert told_now(database, MISSIONS) == []


def test_open_screens_are_told_so_many_things_at_once_at_most(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "TOLD", 2)
    with recording(database) as record:
        record(*opening(), catalogue(70), *(click(member, 0) for member in ("ada", "ben", "eve")))
        asyncio.run(project(database, [without(MISSIONS, CATALOGUE)]))
        replay(database, MISSIONS, CATALOGUE)
    assert [member for _, member, *_ in told_now(database, MISSIONS)] == ["ben", "eve"]
    assert "the others show after a reload" in caplog.text


def test_who_had_starred_a_session_hears_that_it_moved_before_the_replay(database: str) -> None:
    with recording(database) as record:
        record(*opening(), session("s1"), session("s2"), star("s2"), star("s1"), star("s1", "ben"))
        record(session("s1", hours=1), session("s2", hours=1))
        asyncio.run(project(database, [without(LIVE_SESSIONS, STARS)]))
        assert [member for _, member, *_ in said(database, LIVE_SESSIONS)] == ["ben", "ada"]
        replay(database, LIVE_SESSIONS, STARS)
        told = [member for _, member, *_ in said(database, LIVE_SESSIONS)]
        assert told == ["ada", "ben", "ada"]
        now = told_now(database, LIVE_SESSIONS)
        assert [(member, '"session_id":"s1"' in data) for _, member, _, data, _ in now] == [
            ("ada", True)
        ]
        agrees(database, LIVE_SESSIONS)


def test_what_waits_for_a_newer_version_holds_no_replay_up(database: str) -> None:
    with recording(database) as record:
        record(*opening(), click("ben", 0))
        asyncio.run(project(database, [MISSIONS]))
        record(catalogue(70), click("ada", 0), click("ben", 1))
        with older(MissionReopened):
            asyncio.run(project(database, [without(MISSIONS, CATALOGUE)]))
            request(database, "replay", CATALOGUE)
            asyncio.run(project(database, [MISSIONS]))
        assert [row[:2] for row in parked(database)] == [(MISSIONS.name, f"missions:{EVENT}:ben")]
        told = said(database, MISSIONS)
        assert ['"points_total":70' in data for *_, data, _ in told] == [0, 1]
        asyncio.run(project(database, [MISSIONS]))
        assert parked(database) == []
        agrees(database, MISSIONS)


def test_replay_waits_itself_where_only_a_newer_version_can_tell_what_was_told(
    database: str,
) -> None:
    with recording(database) as record:
        record(*opening(), click("ada", 0))
        asyncio.run(project(database, [MISSIONS]))
        record(catalogue(70), click("ada", 1))
        with older():
            asyncio.run(project(database, [without(MISSIONS, CATALOGUE)]))
            before = said(database, MISSIONS)
            request(database, "replay", CATALOGUE)
            asyncio.run(project(database, [MISSIONS]))
            assert [row[:2] for row in parked(database)] == [(MISSIONS.name, CATALOGUE)]
            assert said(database, MISSIONS) == before
        asyncio.run(project(database, [MISSIONS]))
        assert parked(database) == []
        agrees(database, MISSIONS)


def test_what_one_of_many_streams_told_before_it_had_to_wait_is_made_again_with_them(
    database: str,
) -> None:
    with recording(database) as record:
        record(*opening(), click("ada", 0))
        asyncio.run(project(database, [MISSIONS]))
        record(catalogue(70), click("ada", 1), click("ada", 0))
        with older():
            asyncio.run(project(database, [without(MISSIONS, CATALOGUE)]))
        ask(database, "UPDATE views.parked SET problem = %s", BEFORE)
        asyncio.run(project(database, [MISSIONS]))
        assert parked(database) == []
        told = said(database, MISSIONS)
        assert ['"points_total":70' in data for *_, data, _ in told] == [0, 1, 1]
        agrees(database, MISSIONS)


acts = st.lists(
    st.one_of(
        st.builds(catalogue, st.integers(1, 99), st.sampled_from([EVENT, OTHER])),
        st.builds(
            click,
            st.sampled_from(["ada", "ben"]),
            st.integers(0, 1),
            st.sampled_from([EVENT, OTHER]),
        ),
    ),
    max_size=12,
)


@example([], [click("ada", 0), click("ada", 1), catalogue(1)], f"missions:{EVENT}:ada")
@given(acts, acts, st.sampled_from([CATALOGUE, f"missions:{EVENT}:ada"]))
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_replay_gives_what_a_rebuild_gives_and_open_screens_show_it(
    new_database: Any, before: Sequence[Command], after: Sequence[Command], stream: str
) -> None:
    database = new_database()
    with recording(database) as record:
        record(*opening(), *opening(OTHER), *before)
        asyncio.run(project(database, [without(MISSIONS, stream)]))
        record(*after)
        asyncio.run(project(database, [without(MISSIONS, stream)]))
        heard = said(database, MISSIONS)
        if parked(database):
            replay(database, MISSIONS, stream)
        now = said(database, MISSIONS)
        assert shown(heard + told_now(database, MISSIONS)) == shown(now)
        agrees(database, MISSIONS)


def test_scope_that_is_too_long_is_replayed_all_the_same_and_this_is_said(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    with recording(database) as record:
        record(*opening(), catalogue(70), *(click("ada", number) for number in range(5)))
        asyncio.run(project(database, [without(MISSIONS, CATALOGUE)]))
        replay(database, MISSIONS, CATALOGUE)
    assert "rebuild it, with --accept" in caplog.text
