"""The cost of each question on a full database: no table is read from its beginning to its end,
and no more rows are looked at than the question says."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from projections.attendees.visibility import ProfileAsk, ShownAsk
from projections.engine.reading import asked, worded
from projections.messages.questions import (
    FlaggedAsk,
    OthersAsk,
    TextsAsk,
    ThreadAsk,
    ThreadsAsk,
)
from projections.missions.leaderboard import LeaderboardAsk
from projections.missions.questions import HISTORY
from projections.question import Ask, MemberAsk
from projections.questions import QUESTIONS
from projections.sessions.questions import SessionsAsk
from projections.syncs.questions import SyncPeopleAsk, SyncsAsk, SyncTextsAsk, TimesAsk
from tests.harness.filled import EVENTS, MEMBERS, OPENS, fill
from tests.harness.test_questions import named

NOON = datetime.fromisoformat(OPENS).astimezone(UTC) + timedelta(hours=3)
TINY = {"positions", "pg_trigger"}  # of a handful of rows, whatever the size of the database
SCANS = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan"}


@pytest.fixture(scope="module")
def filled(new_database: Callable[[], str]) -> Iterator["psycopg.Connection[Any]"]:
    url = new_database()
    fill(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute("SET jit = off")
        yield connection


OTHERS = [f"usr_{n}" for n in range(2, 202)]  # as many as a page names at most
OF_MESSAGES: dict[type[Ask], Callable[[str, str], Ask]] = {
    ThreadsAsk: lambda event, member: ThreadsAsk(event, member, 100),
    OthersAsk: lambda event, member: OthersAsk(event, member, ",".join(OTHERS)),
    TextsAsk: lambda event, member: TextsAsk(event, ",".join(OTHERS[:100]), ",".join(["m2"] * 100)),
    ThreadAsk: lambda event, member: ThreadAsk(event, member, "usr_2", 100),
    FlaggedAsk: lambda event, member: FlaggedAsk(event, 100),
}
OF_SYNCS: dict[type[Ask], Callable[[str, str], Ask]] = {
    SyncsAsk: lambda event, member: SyncsAsk(event, member, "requested", NOON, 100),
    TimesAsk: lambda event, member: TimesAsk(event, member, NOON, NOON + timedelta(days=900)),
    SyncTextsAsk: lambda event, member: SyncTextsAsk(
        event, ",".join(f"sync_{n}" for n in range(4, 104))
    ),
    SyncPeopleAsk: lambda event, member: SyncPeopleAsk(
        event, member, ",".join(f"usr_{n}" for n in range(2, 102))
    ),
}


def some_ask(question: Any, event_id: str, member_id: str) -> Ask:
    if question.asks is SessionsAsk:
        return SessionsAsk(event_id, member_id, "now", NOON)
    if question.asks is LeaderboardAsk:
        return LeaderboardAsk(event_id, member_id, 100)
    if question.asks is ShownAsk:
        return ShownAsk(event_id, member_id, " ".join(f"usr_{n}" for n in range(1, 101)))
    if question.asks is ProfileAsk:
        return ProfileAsk(event_id, member_id, "usr_2")
    if question.asks in OF_MESSAGES:
        return OF_MESSAGES[question.asks](event_id, member_id)
    if question.asks in OF_SYNCS:
        return OF_SYNCS[question.asks](event_id, member_id)
    return MemberAsk(event_id, member_id)


def many_asks(question: Any) -> list[Ask]:
    """The most that may be answered together, each of another member of another event."""
    return [
        some_ask(question, f"evt_{1 + 7 * n % EVENTS}", f"usr_{1 + 11 * n % MEMBERS}")
        for n in range(question.together)
    ]


def scans(connection: "psycopg.Connection[Any]", question: Any, asks: Sequence[Ask]) -> list[Any]:
    """(node, table, rows that it looked at) of the plan that is kept for such a statement."""
    statement = worded(question) % {"asks": "$1"}
    connection.execute(f"PREPARE one AS {statement}".encode())
    try:
        explain = b"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE one (%(asks)s)"
        cursor = psycopg.ClientCursor(connection)
        ((found,),) = cursor.execute(explain, asked(question, asks)).fetchall()
    finally:
        connection.execute("DEALLOCATE one")
    return list(_scans(found[0]["Plan"]))


def _scans(node: Any) -> Iterator[tuple[str, str, float]]:
    if node["Node Type"] in SCANS:
        removed = node.get("Rows Removed by Filter", 0)
        looked_at = (node["Actual Rows"] + removed) * node["Actual Loops"]
        yield node["Node Type"], node["Relation Name"], looked_at
    for child in node.get("Plans", ()):
        yield from _scans(child)


def read_whole(found: Sequence[Any]) -> set[str]:
    return {table for node, table, _ in found if node == "Seq Scan"} - TINY


@pytest.mark.parametrize("question", QUESTIONS, ids=named)
def test_no_table_is_read_from_its_beginning_to_its_end(
    filled: "psycopg.Connection[Any]", question: Any
) -> None:
    assert read_whole(scans(filled, question, many_asks(question))) == set()


@pytest.mark.parametrize("question", QUESTIONS, ids=named)
def test_no_more_rows_are_looked_at_than_the_question_says(
    filled: "psycopg.Connection[Any]", question: Any
) -> None:
    """In the largest event, and of the member who has most there."""
    ask = some_ask(question, "large", "usr_1")
    found = scans(filled, question, [ask])
    tables = {table.name for table in question.read_model.tables}
    looked_at = sum(rows for _, table, rows in found if table in tables)
    assert looked_at > 0, f"no rows: fill {', '.join(sorted(tables))} in tests/harness/filled.py"
    assert looked_at <= question.bound, f"{question.name} says bound={question.bound}"
    (told,) = msgspec.json.decode(asked(question, [ask])["asks"])
    ends = sum(rows for _, table, rows in found if table == "log")
    assert ends <= len(told["concerns"])  # the end of each stream


def test_table_without_an_index_would_be_read_whole(filled: "psycopg.Connection[Any]") -> None:
    """So the tests above can fail."""
    with filled.transaction(force_rollback=True):
        filled.execute("ALTER TABLE views.mission_ledger DROP CONSTRAINT mission_ledger_pkey")
        found = scans(filled, HISTORY, many_asks(HISTORY))
    assert read_whole(found) == {"mission_ledger"}
