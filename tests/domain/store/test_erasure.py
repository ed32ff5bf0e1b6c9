"""Forgetting, beside those who go on writing."""

import asyncio
import re
from typing import Annotated, Any, ClassVar

import psycopg
import pytest
from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Aggregate, Command, On, stream
from domain.attendees import Profile
from domain.capabilities import AGGREGATES
from domain.conferences import AnnounceConference
from domain.errors import NotFound, Problem
from domain.personal import PERSONAL
from domain.reports import RecordTelemetry
from domain.store import cache, loader
from domain.store import erasure as module
from domain.store.erasure import ACTOR, Erased, Erasure
from domain.store.writer import Author, BulkOutcome, History, IdempotencyKey
from sql import statements
from tests.domain.store.erasing import MAPPER, NOW, OPENING, SQL, erase, execute, save, store
from tests.store import AUTHOR, all_of, ask
from tests.waiting import eventually
from workers.tokens import ID

KEYS = "SELECT number, key IS NULL FROM events.person_keys WHERE person = 'ada' ORDER BY 1"


# Notes that members leave with each other: each is on the other's stream, and the other's own.
class NoteLeft(Struct, frozen=True):
    text: Annotated[str, PERSONAL]


class NotesErased(Struct, frozen=True):
    pass


class LeaveNote(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "notes"
    member_id: str
    other: str
    text: str

    def stream_key(self) -> tuple[str, ...]:
        return ("evt_1", self.member_id)


NOTES = Aggregate(
    "notes",
    initial=(),
    events=(NoteLeft, NotesErased),
    decide=lambda command, _: (On(notes(command.other), NoteLeft(command.text)),),
    evolve=lambda state, event, _: (*state, event.text) if isinstance(event, NoteLeft) else (),
    erase=lambda state, _: (NotesErased(),) if state else (),
)


def notes(member: str) -> str:
    return stream("notes", "evt_1", member)


def topics(url: str) -> list[str]:
    query = "SELECT topic FROM events.log WHERE originator_id = %s ORDER BY originator_version"
    return [topic for (topic,) in ask(url, query, "attendee:evt_1:ada")]


def test_who_writes_while_being_erased_is_forgotten_or_new_and_nothing_between(
    database: str,
) -> None:
    """Whatever the order of the two was: what is sealed with a destroyed key came before the event
    that says so, and what came after it opens."""

    async def story(history: History, erasure: Erasure) -> None:
        await execute(history, OPENING)
        for i in range(10):
            await execute(history, save(f"Ada {i}"))
            await asyncio.gather(execute(history, save(f"Ada again {i}")), erase(erasure))

    with store(database) as (history, erasure):
        asyncio.run(story(history, erasure))
        held = erasure.held("ada")
    recorded = topics(database)
    since = recorded[::-1].index("AttendeeErased")
    assert recorded.count("AttendeeErased") == 10
    assert held.events == since
    assert [gone for _, gone in ask(database, KEYS)] == [True] * 10 + [False] * (since > 0)


def test_nobody_waits_while_the_log_is_searched_and_what_is_written_then_is_found(
    database: str,
) -> None:
    class Slow(Erasure):
        def _streams(
            self, connection: Any, person: str, since: int = 0, of: Any = None
        ) -> list[str]:
            found = super()._streams(connection, person, since, of)
            if not since:
                elsewhere = AnnounceConference(event_id="evt_2", name="Another", timezone="UTC")
                asyncio.run(execute(history, elsewhere, save("Ada", event_id="evt_2")))
            return found

    with store(database) as (history, erasure):
        asyncio.run(execute(history, OPENING, save("Ada")))
        slow = Slow(erasure._recorder, AGGREGATES, MAPPER)
        assert len(slow.erase("ada", NOW).positions) == 2
        assert erasure.held("ada").events == 0


def test_rules_know_of_an_erasure_at_once(database: str) -> None:
    async def story(history: History, erasure: Erasure) -> Any:
        await execute(history, OPENING, save("Ada"))
        await erase(erasure)
        (refused,) = await execute(history, view("ada"))
        return refused

    with store(database) as (history, erasure):
        assert str(asyncio.run(story(history, erasure))) == "There is no attendee ada to meet here."


@pytest.mark.parametrize("actor", [ACTOR, "erase"], ids=["now", "before"])
def test_erasure_is_found_in_the_log_by_its_author_who_is_no_member(
    database: str, monkeypatch: pytest.MonkeyPatch, actor: str
) -> None:
    def found() -> list[tuple[Any, ...]]:
        about = {"position": 0, "name": "mission_board"}
        with psycopg.connect(database) as connection:
            return connection.execute(statements("rebuild")["erased_since"], about).fetchall()

    assert not re.fullmatch(ID, ACTOR)
    monkeypatch.setattr(module, "ACTOR", actor)
    with store(database) as (history, erasure):
        asyncio.run(execute(history, OPENING, save("Ada")))
        assert found() == [(False,)]
        asyncio.run(erase(erasure))
    assert found() == [(True,)]


def test_only_the_person_who_is_named_is_erased_wherever_they_are(database: str) -> None:
    async def story(history: History, erasure: Erasure) -> Erased:
        another = AnnounceConference(event_id="evt_2", name="Another", timezone="UTC")
        await execute(history, OPENING, another)
        await execute(history, save("Ada"), save("Ada", event_id="evt_2"), save("Ben", "adam"))
        return await erase(erasure)

    with store(database) as (history, erasure):
        erased = asyncio.run(story(history, erasure))
        assert (erased.keys, len(erased.positions)) == (1, 2)
        assert erasure.held("ada").events == 0
        values = {f"profile.{field}": [v] for field, v in asdict(Profile("Ben")).items()}
        del values["profile.on_leaderboard"]  # which is not personal
        assert erasure.held("adam").values == {"attendee:evt_1:adam": values}
        assert asyncio.run(erase(erasure)) == Erased(0, [])


def test_what_others_wrote_to_somebodys_stream_is_erased_with_them(database: str) -> None:
    async def story(history: History, erasure: Erasure) -> None:
        said = [("ben", "Hello"), ("ada", "Hello too"), ("cleo", "And you")]
        await execute(
            history, *(LeaveNote(member_id="dora", other=other, text=text) for other, text in said)
        )
        assert (await erase(erasure)).keys == 1

    with store(database, (NOTES,)) as (history, erasure):
        asyncio.run(story(history, erasure))
        assert erasure.held("ada").events == 0
        assert erasure.held("ben").values == {notes("ben"): {"text": ["Hello"]}}
    query = "SELECT topic FROM events.log WHERE originator_id = %s ORDER BY originator_version"
    assert ask(database, query, notes("ada")) == [("NoteLeft",), ("NotesErased",)]
    assert ask(database, query, notes("dora")) == []


def test_profiles_that_came_as_one_bulk_are_erased_one_by_one(database: str) -> None:
    async def story(history: History, erasure: Erasure) -> None:
        key = IdempotencyKey("ada", "a file", b"its digest")
        commands = [OPENING, save("Ada"), save("Ben", "ben")]
        outcome = await history.execute_all(commands, by=AUTHOR, key=key)
        assert (outcome.recorded, outcome.refused) == (3, ())
        await erase(erasure)
        assert await history.execute_all(commands, by=AUTHOR, key=key) == outcome

    with store(database) as (history, erasure):
        asyncio.run(story(history, erasure))
        assert (erasure.held("ada").events, erasure.held("ben").events) == (0, 1)


def test_what_a_bulk_was_refused_is_kept_beside_the_log_and_forgotten(database: str) -> None:
    """The log never forgets and is published: it has the index and the class of each refusal."""
    key = IdempotencyKey("eve", "a file", b"its digest")
    commands = [OPENING, *(view("ada") for _ in range(2)), view("adam")]

    async def story(history: History) -> BulkOutcome:
        return await history.execute_all(commands, by=Author("eve", "evt_1"), key=key)

    with store(database) as (history, _):
        first = asyncio.run(story(history))
    with store(database) as (history, _):
        again = asyncio.run(story(history))
        (logged,) = ask(
            database, "SELECT string_agg(convert_from(state, 'UTF8'), '') FROM events.log"
        )
        with psycopg.connect(database, autocommit=True) as connection:
            gone = connection.execute(SQL["forget_refusals_about"], {"id": "ada"}).rowcount
        erased = asyncio.run(story(history))
    assert (
        refusals(first)
        == refusals(again)
        == [
            (1, NotFound, "There is no attendee ada to meet here."),
            (2, NotFound, "There is no attendee ada to meet here."),
            (3, NotFound, "There is no attendee adam to meet here."),
        ]
    )
    assert '"refused":[{"index":1,"problem":"NotFound"}' in logged[0]
    assert "no attendee" not in logged[0]
    assert gone == 2
    assert refusals(erased) == [
        (1, NotFound, NotFound.title()),
        (2, NotFound, NotFound.title()),
        (3, NotFound, "There is no attendee adam to meet here."),
    ]


def refusals(outcome: BulkOutcome) -> list[tuple[int, type[Problem], str]]:
    return [(r.index, type(r.problem), r.problem.detail) for r in outcome.refused]


def view(target: str) -> RecordTelemetry:
    return RecordTelemetry(
        event_id="evt_1", member_id="ben", action="view_profile", target_member_id=target, ts=NOW
    )


@pytest.mark.parametrize(
    ("person", "forgotten"),
    [("ada", True), ("here", True), ("ad", False), ("a.a", False), ("ad|ada", False), ("(", False)],
)
def test_kept_refusal_is_forgotten_with_the_person_it_names(
    database: str, person: str, forgotten: bool
) -> None:
    async def story(history: History) -> None:
        key = IdempotencyKey("eve", "a key", b"its digest")
        await execute(history, OPENING)
        await all_of(history.execute(view("ada"), by=AUTHOR, key=key))

    with store(database) as (history, _):
        asyncio.run(story(history))
    with psycopg.connect(database, autocommit=True) as connection:
        gone = connection.execute(SQL["forget_replies"], {"id": person}).rowcount
    assert gone == forgotten


def test_nobody_keeps_in_memory_who_was_erased(database: str) -> None:
    async def story(history: History, erasure: Erasure) -> None:
        await execute(history, OPENING, save("Ada"), save("Ben", "ben"))
        await erase(erasure)
        assert "attendee:evt_1:ada" in history._cache
        history.refresh_soon()
        await eventually(lambda: "attendee:evt_1:ada" not in history._cache)
        assert "attendee:evt_1:ben" in history._cache

    with store(database) as (history, erasure):
        asyncio.run(story(history, erasure))


def test_nobody_keeps_in_memory_who_may_be_erased_in_what_was_too_much_to_look_through(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "TAIL", 3)

    async def story(ours: History, theirs: History, erasure: Erasure) -> None:
        await execute(ours, OPENING, save("Ada"))
        await erase(erasure)
        for i in range(5):
            await execute(theirs, save(f"Ben {i}", "ben"))
        assert "Ada" in repr(ours._cache._streams)
        ours.refresh_soon()
        await eventually(lambda: "Ada" not in repr(ours._cache._streams))
        assert "conference:evt_1" in ours._cache._streams

    with store(database) as (ours, erasure), store(database) as (theirs, _):
        asyncio.run(story(ours, theirs, erasure))


def test_group_without_anything_personal_asks_for_no_key(database: str) -> None:
    with store(database) as (history, _):
        asked: list[Any] = []
        keys_of = history._recorder.keys_of
        history._recorder.keys_of = lambda *given: asked.append(given) or keys_of(*given)  # type: ignore[func-returns-value,method-assign]
        asyncio.run(execute(history, OPENING))
        assert asked == []
        asyncio.run(execute(history, save("Ada"), save("Ben", "ben")))
        assert len(asked) == 1


def test_long_stream_of_who_was_erased_is_loaded_like_any(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event that says so is the last of it, or not, and was there before it was loaded."""
    for part, name in ((cache, "SHORT"), (loader, "PIECE")):
        monkeypatch.setattr(part, name, 2)

    async def story(history: History, erasure: Erasure) -> None:
        await execute(history, OPENING, *(save(f"Ada {i}") for i in range(5)))
        await erase(erasure)
        await execute(history, save("Ada again"))
        await erase(erasure)
        history._cache.clear()
        await execute(history, save("Ada"), save("Ada A."))

    with store(database) as (history, erasure):
        asyncio.run(story(history, erasure))
    with store(database) as (history, _):
        asyncio.run(execute(history, save("Ada")))
        state = history._cache.get("attendee:evt_1:ada").state
    assert state.profile.name == "Ada"
