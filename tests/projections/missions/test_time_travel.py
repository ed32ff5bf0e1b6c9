"""A read as of a position shows what a rebuild of the log up to there shows."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.agenda import CancelItem, SaveSpeaker, ScheduleItem, Speaker
from domain.agenda_items import AgendaItem
from domain.aggregate import Command, Recorded, stream
from domain.attendees import Profile, SaveProfile
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.errors import Problem
from domain.missions import CompleteMission, ResetMission, StartMission
from domain.stars import StarSession, UnstarSession
from projections.engine import rebuild as module
from projections.engine.election import connect
from projections.engine.event_log import Connection
from projections.engine.reading import answered, folded_answer, past_answer
from projections.engine.rebuild import rebuild
from projections.missions.leaderboard import LEADERBOARD, PAST_LEADERBOARD, LeaderboardAsk, ranked
from projections.missions.leaderboard import leaderboard as leaderboard_of
from projections.missions.questions import BOARD, HISTORY
from projections.missions.rows import LEADERBOARD as RANKS
from projections.missions.rows import MISSION_LEADERBOARD
from projections.question import MemberAsk, Own
from projections.read_model import folded
from projections.read_models import READ_MODELS
from projections.sessions.questions import PERSONAL_AGENDA
from tests.bench.past import BEGIN, BY_NAME, write
from tests.store import ask

MEMBERS, MISSIONS, ITEMS = ("ada", "ben"), ("goals", "talk"), ("one", "two")
EVENT = "evt_1"
members, missions, items = map(st.sampled_from, (MEMBERS, MISSIONS, ITEMS))
profiles = st.builds(
    Profile, name=st.sampled_from(("Ada", "Ben")), on_leaderboard=st.booleans(),
    focus_areas=st.sampled_from(((), ("ai",))),
)  # fmt: skip
catalogues = st.tuples(*(st.builds(Mission, st.just(m), st.just(m), st.just(""),
    st.integers(0, 3), st.just(""), st.booleans()) for m in MISSIONS))  # fmt: skip
scheduled = st.builds(
    AgendaItem,
    id=items, title=items, item_type=st.just("session"), status=st.just("scheduled"),
    start_time=st.sampled_from((BEGIN, BEGIN + timedelta(hours=1))),
    end_time=st.just(BEGIN + timedelta(hours=2)), speaker_ids=st.just(("eve",)),
)  # fmt: skip


def of_event(command: type[Command], **fields: Any) -> st.SearchStrategy[Command]:
    return st.builds(command, event_id=st.just(EVENT), **fields)


commands = st.one_of(
    *(
        of_event(kind, member_id=members, mission_id=missions)
        for kind in (StartMission, CompleteMission, CompleteMission, ResetMission)
    ),
    of_event(SaveProfile, member_id=members, profile=profiles),
    of_event(PublishCatalogue, missions=catalogues),
    of_event(ScheduleItem, item=scheduled),
    of_event(CancelItem, item_id=items),
    of_event(SaveSpeaker, speaker=st.builds(Speaker, id=st.just("eve"), name=members)),
    *(of_event(kind, member_id=members, item_id=items) for kind in (StarSession, UnstarSession)),
)
opened = (
    AnnounceConference(event_id=EVENT, name=EVENT, timezone="UTC"),
    PublishCatalogue(event_id=EVENT, missions=tuple(Mission(m, m, "", 10, "") for m in MISSIONS)),
)
logs = st.lists(commands, max_size=25).map(lambda asked: list(history([*opened, *asked])))


def history(asked: Iterable[Command]) -> Iterator[Recorded]:
    """Events that the rules make of these, each with its position; refused commands give none."""
    streams: dict[str, tuple[int, Any]] = {}
    positions = itertools.count(1)

    def state(name: str) -> tuple[int, Any]:
        return streams.get(name, (0, BY_NAME[name.partition(":")[0]].initial))

    for second, command in enumerate(asked):
        aggregate, name = (
            BY_NAME[command.aggregate],
            stream(command.aggregate, *command.stream_key()),
        )
        given_ = {field: state(of)[1] for field, of in command.given().items()}
        at = BEGIN + timedelta(seconds=second)
        with suppress(Problem):
            for event in aggregate.decide(replace(command, **given_), state(name)[1]):
                version, before = state(name)
                streams[name] = version + 1, aggregate.evolve(before, event, at)
                yield Recorded(next(positions), name, version + 1, event, at, "ada", EVENT)


def asked_of(database: str, *questions: Callable[[Connection], Any]) -> list[Any]:
    async def all_of_them() -> list[Any]:
        async with await connect(database, "reader") as connection:
            return [await question(connection) for question in questions]

    return asyncio.run(all_of_them())


OWN: tuple[Own[MemberAsk, Any], ...] = (BOARD, HISTORY, PERSONAL_AGENDA)


def then(member: str, **then: Any) -> list[Callable[[Connection], Any]]:
    """Every read that is about a member, as of some time."""
    ask = MemberAsk(EVENT, member)
    leaders = LeaderboardAsk(EVENT, member)
    return [
        *(lambda c, q=question: folded_answer(c, q, ask, **then) for question in OWN),
        lambda c: past_answer(c, PAST_LEADERBOARD, leaders, **then),
    ]


def now(member: str) -> list[Callable[[Connection], Any]]:
    """The same of the tables."""
    ask = MemberAsk(EVENT, member)
    leaders = LeaderboardAsk(EVENT, member)
    return [
        *(lambda c, q=question: answered(c, q, ask) for question in OWN),
        lambda c: answered(c, LEADERBOARD, leaders),
    ]


def of_prefix(log: list[Recorded], member: str) -> list[Any]:
    """The same of a rebuild in memory, of all streams that there are."""
    ask = MemberAsk(EVENT, member)
    leaders = LeaderboardAsk(EVENT, member)
    ranks = folded(MISSION_LEADERBOARD, log)[RANKS]
    return [
        *(question.answer(ask, _rows_of(question, log, member)) for question in OWN),
        leaderboard_of(leaders, ranked(leaders, ranks)),
    ]


def _rows_of(question: Own[Any, Any], log: list[Recorded], member: str) -> Any:
    """But for those of other members."""
    return {
        table: [row for row in rows.values() if getattr(row, "member_id", member) == member]
        for table, rows in folded(question.read_model, log).items()
    }


def recorded(database: str, log: list[Recorded]) -> None:
    """The database holds this log and nothing else."""
    ask(database, "SET session_replication_role = replica; TRUNCATE events.log RESTART IDENTITY")
    write(database, log)


several = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@several
@given(log=logs, member=members)
def test_as_of_any_position_is_the_fold_of_the_log_up_to_there(
    database: str, log: list[Recorded], member: str
) -> None:
    recorded(database, log)
    questions = [q for n in range(len(log) + 1) for q in then(member, until=n)]
    found = [answer for _, answer in asked_of(database, *questions)]
    assert found == [a for n in range(len(log) + 1) for a in of_prefix(log[:n], member)]


@several
@given(log=logs, member=members, data=st.data())
def test_as_of_a_time_is_as_of_the_position_that_it_is_answered_with(
    database: str, log: list[Recorded], member: str, data: st.DataObject
) -> None:
    recorded(database, log)
    moment = BEGIN + timedelta(seconds=data.draw(st.integers(-1, 30)))
    for n, (position, answer) in enumerate(asked_of(database, *then(member, moment=moment))):
        by_position = then(member, until=position)[n]
        assert asked_of(database, by_position) == [(position, answer)]
        assert all(r.at <= moment for r in log[:position])


@settings(several, max_examples=4)
@given(log=logs.filter(lambda log: len(log) > 6), data=st.data())
def test_as_of_a_position_is_what_a_rebuild_of_that_prefix_shows(
    new_database: Callable[[], str], log: list[Recorded], data: st.DataObject
) -> None:
    whole, part = new_database(), new_database()
    until = data.draw(st.integers(1, len(log)))
    write(whole, log)
    write(part, log[:until])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", 0)  # all is far behind, and is rebuilt to the end
        for model in READ_MODELS:
            assert asyncio.run(rebuild(part, model)).position == until
    for member in MEMBERS:
        shown = asked_of(part, *now(member))
        assert shown == [answer for _, answer in asked_of(whole, *then(member, until=until))]
