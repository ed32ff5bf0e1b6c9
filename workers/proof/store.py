"""`python -m workers.proof.store SPEC NUMBER`: members who execute commands on the store, through
a proxy that delays and loses COMMITs, while their backends are ended at random moments."""

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Unavailable
from domain.store.writer import Author, History, IdempotencyKey
from projections.engine.election import connect
from sql import statements
from workers.proof.acts import Act, command
from workers.proof.ledger import LineWriter, Tally
from workers.proof.plants import NOTHING, PLANTS, Plant
from workers.proof.spec import Phase, Spec, spec_given
from workers.proof.wire import Fault, Wire
from workers.proof.writers import AwayError, RefusedError, Writer

SQL = statements("proof")
HELD_UP, BROKEN = "COMMITs held up", "lines broken at a COMMIT"
ENDED = "backends ended while they wrote"
FAULT_EVERY = 0.2  # seconds between faults of the proxy, on average
DELAYS = 0.01, 0.08  # seconds for which a COMMIT is held up
BACKEND_ENDS_EVERY = 0.6  # seconds between ends of a writer's backend, on average
FAULTS: dict[Fault, int] = {"hold": 4, "before": 2, "after": 4}


class OnStore:
    """Executes acts of one member on the store, in this process."""

    def __init__(self, spec: Spec, history: History) -> None:
        self._event_id = spec.event_id
        self._history = history

    async def execute(self, act: Act, key: str | None) -> tuple[int, bytes]:
        by = Author(act.member, self._event_id)
        known = IdempotencyKey(act.member, key, repr(act).encode()) if key else None
        try:
            outcome = await self._history.execute(
                command(act, self._event_id), by=by, reply=_reply, key=known
            )
        except Unavailable as e:
            raise AwayError(str(e)) from None
        except Exception as e:
            raise RefusedError(f"{type(e).__name__}: {e}") from e
        return outcome.position, outcome.reply


def _reply(command: Any, state: Any) -> bytes:
    return repr(msgspec.to_builtins(state, order="deterministic", enc_hook=dict)).encode()


# Faults
async def disturb(wire: Wire, random: Random, phase: Phase, done: "Counter[str]") -> None:
    """Delays COMMITs, and breaks the connection before a COMMIT or after it."""
    while not phase.settling.is_set():
        await asyncio.sleep(random.expovariate(1 / FAULT_EVERY))
        (fault,) = random.choices([*FAULTS], [*FAULTS.values()])
        wire.arm(fault)
        if fault == "hold":
            with suppress(TimeoutError):
                await asyncio.wait_for(wire.held.wait(), 1)
            await asyncio.sleep(random.uniform(*DELAYS))
            done[HELD_UP] += wire.held.is_set()
            wire.release()
    wire.release()
    done[BROKEN] = wire.struck - done[HELD_UP]


async def end_backends(
    database_url: str, random: Random, phase: Phase, done: "Counter[str]"
) -> None:
    """Ends backends of writers on this database, in the middle of whatever they do."""
    while not phase.settling.is_set():
        with suppress(psycopg.Error, OSError):
            async with await connect(database_url, "proof") as connection:
                while not phase.settling.is_set():
                    await asyncio.sleep(random.expovariate(1 / BACKEND_ENDS_EVERY))
                    done[ENDED] += (await connection.execute(SQL["end_a_writer"])).rowcount
        await asyncio.sleep(0.1)


def opened(url: str, plant: Plant) -> History:
    return History(plant.open_recorder(url), AGGREGATES, RENAMED)


async def run(spec: Spec, number: int, plant: Plant) -> None:
    phase, random = Phase(), spec.random(f"line {number}")
    done: Counter[str] = Counter()
    wire = Wire(spec.database_url) if _plain(spec.database_url) else None
    url = await wire.open() if wire else spec.database_url
    history = await asyncio.to_thread(opened, url, plant)  # the proxy needs this thread
    with LineWriter(spec.file(f"store_{number}.jsonl")) as book:
        members = spec.store_members(number)
        writers = [
            Writer(spec, m, OnStore(spec, history).execute, book, phase).run() for m in members
        ]
        faults = [disturb(wire, random, phase, done)] if wire else []
        ends = end_backends(spec.database_url, random, phase, done)
        await asyncio.gather(*writers, *faults, ends)
        for what, count in done.items():
            book.write(Tally(what, count))
    await asyncio.to_thread(history.close)
    if wire:
        await wire.close()


def _plain(database_url: str) -> bool:
    """Whether a proxy can read the connection: TCP to one host, without TLS."""
    parts = conninfo_to_dict(database_url)
    encrypted = str(parts.get("sslmode", "prefer")).startswith(("require", "verify"))
    return not encrypted and "," not in (host := str(parts.get("host", "/"))) and host[0] != "/"


def main() -> None:
    spec, (number, *planted) = spec_given()
    logging.disable(logging.ERROR)  # what fails here is meant to
    asyncio.run(run(spec, int(number), PLANTS[planted[0]] if planted else NOTHING))


if __name__ == "__main__":
    main()
