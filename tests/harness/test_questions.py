"""The laws of questions, each by itself, on a real Postgres."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import Command, Recorded, StreamName, stream
from projections.engine import event_log
from projections.engine.election import connect
from projections.engine.reading import (
    answer_of,
    answered,
    folded_answer,
    past_answer,
    read,
)
from projections.engine.rebuild import rebuild
from projections.engine.tail import refolded_answer
from projections.question import Ask, Own, Past, Wide
from projections.questions import QUESTIONS
from projections.read_model import folded
from tests.bench.past import write
from tests.boards import project
from tests.harness.play import any_logs, played, stories
from tests.harness.questions import OWN, PAST, WIDE
from tests.harness.values import EVENT
from tests.store import ask as ask_database

T = TypeVar("T")
EVENTS = count()
several = settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # to shrink takes minutes: each step asks Postgres
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
logs = any_logs() | stories().map(lambda story: played(story).log)
EVERY: tuple[Any, ...] = (*OWN, *WIDE)


def named(question: Any) -> str:
    return str(question.name)


class Store:
    """Logs, one event after the other, and tables as the projector makes them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self.connection = self.run(connect(url, "reader"))

    def run(self, awaitable: Awaitable[T]) -> T:
        return self._loop.run_until_complete(awaitable)  # type: ignore[arg-type,return-value]

    def close(self) -> None:
        self.run(self.connection.close())
        self._loop.close()

    def record(self, log: list[Recorded], event_id: str) -> None:
        write(self.url, (replace(r, stream=r.stream.replace(EVENT, event_id)) for r in log))

    def log(self, event_id: str) -> list[Recorded]:
        """The recorded events, with the positions that were given to them."""
        rows = ask_database(
            self.url,
            "SELECT DISTINCT originator_id FROM events.log"
            " WHERE split_part(originator_id, ':', 2) = %s",
            event_id,
        )
        return self.run(event_log.streams(self.connection, [name for (name,) in rows]))

    def park(self, question: Any, names: list[StreamName]) -> None:
        """From the next event on."""
        first = self.run(event_log.end(self.connection)) + 1
        for name in names:
            values = (question.read_model.name, name, first)
            ask_database(self.url, "INSERT INTO views.parked VALUES (%s, %s, %s, '')", *values)

    def project(self, question: Any) -> None:
        asyncio.run(project(self.url, [question.read_model]))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    yield store
    store.close()


def test_every_question_that_the_product_asks_is_tried() -> None:
    importlib.import_module("api.app")
    product = [module for name, module in sys.modules.items() if name.startswith("projections.")]
    asked = {q for module in product for q in vars(module).values() if isinstance(q, Own | Wide)}
    assert {*OWN, *WIDE} == {*QUESTIONS} == asked
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS)
    assert {past.question for past in PAST} <= {*WIDE}


# Of each question about a few streams
@pytest.mark.parametrize("question", OWN, ids=named)
def test_answer_from_the_tables_is_that_from_the_log(store: Store, question: Own[Any, Any]) -> None:
    @several
    @given(log=logs, data=st.data())
    def holds(log: list[Recorded], data: st.DataObject) -> None:
        event_id = f"evt_{next(EVENTS)}"
        store.record(log, event_id)
        store.project(question)
        ask = data.draw(OWN[question](event_id))
        (found,) = store.run(read(store.connection, question, [ask]))
        position, answer = store.run(folded_answer(store.connection, question, ask))
        assert answer_of(question, ask, found) == answer
        assert found.concerned == position
        own = question.streams(ask)
        assert position == event_log.last(r for r in store.log(event_id) if r.stream in own)
        assert found.position >= position

    holds()


@pytest.mark.parametrize("question", OWN, ids=named)
def test_answer_as_of_a_position_is_that_of_the_log_up_to_there(
    store: Store, question: Own[Any, Any]
) -> None:
    """Neither later events show, nor streams that the question does not name."""

    @several
    @given(log=logs, data=st.data())
    def holds(log: list[Recorded], data: st.DataObject) -> None:
        event_id = f"evt_{next(EVENTS)}"
        store.record(log, event_id)
        recorded = store.log(event_id)
        until = data.draw(st.sampled_from([0, *(r.position for r in recorded)]))
        ask = data.draw(OWN[question](event_id))
        _, answer = store.run(folded_answer(store.connection, question, ask, until))
        own = [r for r in recorded if r.position <= until and r.stream in question.streams(ask)]
        rows = folded(question.read_model, own)
        assert answer == question.answer(ask, {t: [*r.values()] for t, r in rows.items()})

    holds()


# Of each question about a scope
@pytest.mark.parametrize("question", WIDE, ids=named)
def test_wide_answer_shows_all_of_the_scope_whatever_the_tables_lack(
    store: Store, question: Wide[Any, Any]
) -> None:
    """`find`, of the question as it was, picks from rows what the statement picks from tables."""
    (find,) = (past.find for past in PAST if past.question is question)

    @several
    @given(log=logs, data=st.data())
    def holds(log: list[Recorded], data: st.DataObject) -> None:
        event_id = f"evt_{next(EVENTS)}"
        start, behind = sorted(data.draw(st.integers(0, len(log))) for _ in range(2))
        store.record(log[:start], event_id)
        store.project(question)
        names = sorted({r.stream.replace(EVENT, event_id) for r in log})
        parked = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
        store.park(question, parked)
        store.record(log[start:behind], event_id)
        store.project(question)
        store.record(log[behind:], event_id)
        ask = data.draw(WIDE[question](event_id))
        position, answer = store.run(refolded_answer(store.connection, question, ask))
        rows = folded(question.read_model, store.log(event_id))[question.table]
        assert answer == question.answer(ask, find(ask, rows))
        assert position == store.run(event_log.end(store.connection))

    holds()


@pytest.mark.parametrize("past", PAST, ids=lambda past: str(past.question.name))
def test_wide_answer_as_it_was_is_that_of_the_tables_then(
    store: Store, past: Past[Any, Any]
) -> None:
    @several
    @given(log=logs, data=st.data())
    def holds(log: list[Recorded], data: st.DataObject) -> None:
        event_id = f"evt_{next(EVENTS)}"
        applied = data.draw(st.integers(0, len(log)))
        ask = data.draw(WIDE[past.question](event_id))
        store.record(log[:applied], event_id)
        store.project(past.question)
        then = store.run(answered(store.connection, past.question, ask))
        until = store.run(event_log.end(store.connection))
        store.record(log[applied:], event_id)
        _, answer = store.run(past_answer(store.connection, past, ask, until))
        assert answer == then

    holds()


# Of all of them
@settings(several, max_examples=3)
@given(story=stories(), data=st.data())
def test_answers_are_the_same_from_tables_that_were_built_anew(
    new_database: Callable[[], str], story: list[Command], data: st.DataObject
) -> None:
    asks = {q: data.draw(asks(EVENT)) for q, asks in (OWN | WIDE).items()}  # type: ignore[operator]
    models = {question.read_model.name: question.read_model for question in asks}
    store = Store(new_database())
    try:
        write(store.url, played(story).log)
        asyncio.run(project(store.url))
        before = [store.run(answered(store.connection, q, ask)) for q, ask in asks.items()]
        for model in models.values():
            asyncio.run(rebuild(store.url, model))
        after = [store.run(answered(store.connection, q, ask)) for q, ask in asks.items()]
    finally:
        store.close()
    assert before == after


@pytest.mark.parametrize("question", EVERY, ids=named)
def test_asks_that_are_answered_together_are_answered_as_each_alone(
    store: Store, question: Any
) -> None:
    @several
    @given(log=logs, data=st.data())
    def holds(log: list[Recorded], data: st.DataObject) -> None:
        here, there = f"evt_{next(EVENTS)}", f"evt_{next(EVENTS)}"
        store.record(log, here)
        store.record(log[: len(log) // 2], there)
        store.project(question)
        some = (OWN | WIDE)[question]  # type: ignore[operator]
        asks: list[Ask] = data.draw(st.lists(some(here) | some(there), min_size=1, max_size=9))
        together = store.run(read(store.connection, question, asks))
        alone = [store.run(read(store.connection, question, [ask])) for ask in asks]
        assert together == [one for (one,) in alone]

    holds()


@pytest.mark.parametrize("question", OWN, ids=named)
@settings(several)
@given(data=st.data())
def test_own_streams_are_of_the_event_that_is_asked_about(
    question: Own[Any, Any], data: st.DataObject
) -> None:
    """So whatever is parked of them is among what is parked of that event."""
    ask = data.draw(OWN[question](EVENT))
    names = question.streams(ask)
    assert {name.split(":")[1] for name in names} == {ask.scope_id}
    assert all(question.stands_on(ask, name) for name in names)
    assert not question.stands_on(ask, stream("roll", EVENT))
