import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from domain.errors import Unavailable
from domain.store.recorder import Recorder, Rows
from domain.store.writer import History, IdempotencyKey, Outcome
from sql.migrate import migrate
from tests.proxy import Proxy, Side
from tests.store import STATEMENTS, all_of, ask, log_of, numbers, opened, take
from tests.waiting import eventually
from workers.servers.embedded import start_postgres

KEY = IdempotencyKey("ada", "key-1", b"a request")


# History is not rewritten
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events.log SET topic = 'Another'",
        "DELETE FROM events.log",
        "TRUNCATE events.log",
        "TRUNCATE events.log, events.command_keys CASCADE",
        """INSERT INTO events.log SELECT * FROM events.log
        ON CONFLICT (originator_id, originator_version) DO UPDATE SET topic = 'Another'""",
        "MERGE INTO events.log AS l USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    ],
    ids=lambda statement: " ".join(statement.split()[:2]),
)
def test_log_refuses_to_be_rewritten(database: str, statement: str) -> None:
    with opened(database) as history:
        asyncio.run(take(history, "ada"))
    before = log_of(database)
    with pytest.raises(psycopg.errors.RaiseException, match="only grows"):
        ask(database, statement)
    assert log_of(database) == before


# Positions
def test_tailing_reader_misses_nothing_of_many_writers(database: str) -> None:
    """It reads what is after the last position it saw, over and over, while three processes
    write: had a lower position become visible after a higher one, it would be missed."""

    async def caller(history: History, name: str) -> None:
        for i in range(15):
            await take(history, f"{name}_{i}", roll=name)

    async def story(histories: list[History]) -> list[int]:
        writers = [
            asyncio.ensure_future(caller(h, f"{n}_{c}"))
            for n, h in enumerate(histories)
            for c in range(8)
        ]
        seen = [0]
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as reader:
            while not all(writer.done() for writer in writers):
                seen += await after(reader, seen[-1])
            return [*seen[1:], *await after(reader, seen[-1])]

    async def after(reader: psycopg.AsyncConnection[Any], position: int) -> list[int]:
        cursor = await reader.execute(
            "SELECT notification_id FROM events.log WHERE notification_id > %s ORDER BY 1",
            (position,),
        )
        return [row[0] for row in await cursor.fetchall()]

    with opened(database) as one, opened(database) as two, opened(database) as three:
        seen = asyncio.run(story([one, two, three]))
    assert seen == [r.position for r in log_of(database)]
    assert len(seen) == 3 * 8 * 15


# Lost connections. The pool may give a connection that has prepared a statement already, and then
# its text is not sent again: so its name is looked for, or a parameter.
STAGES: dict[str, tuple[Side, bytes]] = {
    "before its streams are read": ("client", b"roll:evt_1:main"),
    "before its turn": ("client", b"BEGIN"),
    "with the lock taken": ("client", b"_pg3_1\0"),
    "decided": ("client", b"NOTIFY"),
    "written": ("client", b"COMMIT;"),
    "recorded": ("server", b"COMMIT\0"),
}


@pytest.mark.parametrize(("side", "word"), STAGES.values(), ids=STAGES.keys())
@pytest.mark.parametrize("key", [None, KEY], ids=["no key", "a key"])
def test_connection_lost_at_any_stage_records_once_and_answers(
    database: str, side: Side, word: bytes, key: IdempotencyKey | None
) -> None:
    async def story(history: History, proxy: Proxy) -> list[Any]:
        await take(history, "cleo", roll="warm")
        history._cache.clear()  # so that every stage is reached
        proxy.arm(side, word)
        return await all_of(take(history, "ada", key), take(history, "ben"))

    with Proxy(database) as proxy, opened(proxy.url) as history:
        ada, ben = asyncio.run(story(history, proxy))
        assert (proxy.cuts, history.counts["lost"]) == (1, 1)
    _, *recorded = log_of(database)
    assert [r.event.by for r in recorded] == ["ada", "ben"]
    assert [ada.position, ben.position] == [r.position for r in recorded]
    assert (ada.reply, ben.reply) == (b"1", b"2")
    assert ask(database, "SELECT count(*) FROM events.command_keys") == [(int(key is not None),)]


def test_nothing_stale_is_kept_after_a_lost_answer(database: str) -> None:
    """Others may have written to the same stream before we could ask what became of ours. A rule
    that only looks at it would not meet a conflict."""

    class Overtaken(Recorder):
        def begin(self, *given: Any) -> Any:
            if proxy.cuts and not log_of(database)[2:]:
                asyncio.run(take(theirs, "ben"))
            return super().begin(*given)

    async def story(ours: History) -> list[Any]:
        await take(ours, "cleo")
        proxy.arm("server", b"COMMIT\0")
        return await all_of(take(ours, "ada"), _later(ours))

    async def _later(ours: History) -> Outcome:
        await eventually(lambda: numbers(database)[2:])
        return await take(ours, "ben", roll="beside", beside="main")

    with (
        Proxy(database) as proxy,
        opened(database) as theirs,
        opened(proxy.url, recorder=Overtaken) as ours,
    ):
        ada, ben = asyncio.run(story(ours))
        assert ours.counts["conflicts"] == 0
    assert ada.after.taken == 2
    assert str(ben) == "ben has a ticket of main."
    assert numbers(database) == [1, 2, 3]


@pytest.mark.parametrize("at", ["load_after", "commit"])
def test_backend_that_is_terminated_is_replaced(database: str, at: str) -> None:
    """Before its turn, and in the midst of it."""

    class Unlucky(Recorder):
        left = 2

        def load_after(self, connection: Connection[Any], *given: Any) -> Rows:
            self._end("load_after", connection)
            return super().load_after(connection, *given)

        def commit(self, connection: Connection[Any], *given: Any) -> list[int]:
            self._end("commit", connection)
            return super().commit(connection, *given)

        def _end(self, here: str, connection: Connection[Any]) -> None:
            if here == at and self.left:
                self.left -= 1
                ask(database, "SELECT pg_terminate_backend(%s)", connection.info.backend_pid)

    with opened(database, recorder=Unlucky) as history:
        outcome = asyncio.run(take(history, "ada"))
        assert history.counts["lost"] == 2
    assert outcome.position == log_of(database)[0].position


def test_writer_that_stands_still_does_not_keep_others_out(database: str) -> None:
    """The server ends a transaction that says nothing; its writer decides again, once."""

    class Stalls(Recorder):
        stalled = False

        def commit(self, connection: Connection[Any], *given: Any) -> list[int]:
            if not self.stalled:
                self.stalled = True
                connection.execute("SET LOCAL idle_in_transaction_session_timeout = '30ms'")
                gone = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
                while ask(database, gone, connection.info.backend_pid):
                    pass
            return super().commit(connection, *given)

    with opened(database, recorder=Stalls) as history, opened(database) as other:
        ada = asyncio.run(take(history, "ada"))
        ben = asyncio.run(take(other, "ben"))
        assert history.counts["lost"] == 1
    assert (ada.after.taken, ben.after.taken) == (1, 2)


def test_store_that_is_away_says_so_and_comes_back_by_itself(tmp_path: Path) -> None:
    async def story(history: History) -> tuple[float, float]:
        nonlocal server
        load = [asyncio.ensure_future(callers(history, str(c))) for c in range(8)]
        await eventually(lambda: len(accepted) > 50)
        server.stop()
        heard = await eventually(lambda: refused)
        server = start_postgres(tmp_path, server.port)
        before = len(accepted)
        back = await eventually(lambda: len(accepted) > before)
        ended.append(True)
        await asyncio.gather(*load)
        return heard, back

    async def callers(history: History, name: str) -> None:
        i = 0
        while not ended:
            i += 1
            (outcome,) = await all_of(take(history, f"{name}_{i}", roll=name))
            (accepted if isinstance(outcome, Outcome) else refused).append(outcome)

    accepted: list[Outcome] = []
    refused: list[Any] = []
    ended: list[bool] = []
    server = start_postgres(tmp_path)
    try:
        migrate(server.url)
        with opened(server.url) as history:
            heard, back = asyncio.run(story(history))
        positions = [r.position for r in log_of(server.url)]
    finally:
        server.stop()
    assert {type(problem) for problem in refused} == {Unavailable}
    assert {o.position for o in accepted} <= set(positions)
    assert max(heard, back) < 4, (heard, back)


# Keys that are no longer needed
def test_keys_are_forgotten_after_two_days_and_not_before(database: str) -> None:
    with opened(database) as history:
        for hours in (0, 47, 49, 100):
            asyncio.run(take(history, f"usr_{hours}", IdempotencyKey("ada", str(hours), b"")))
            ask(
                database,
                "UPDATE events.command_keys SET recorded_at = now() - make_interval(hours => %s) "
                "WHERE key = %s",
                hours,
                str(hours),
            )
    with psycopg.connect(database, autocommit=True) as connection:
        about = {"recorded_at": "-infinity", "principal": "", "key": "", "most": 1}
        forgotten = [
            connection.execute(STATEMENTS["forget_keys"], about).fetchall()[:1] for _ in range(3)
        ]
    assert [row[2:] for rows in forgotten for row in rows] == [("100", 1, 0), ("49", 1, 0)]
    assert ask(database, "SELECT key FROM events.command_keys ORDER BY 1") == [("0",), ("47",)]
