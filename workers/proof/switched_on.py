"""Switches the work of a proof on, in a process of the product: notes.py, which the product itself
does not know. Before anything else is imported, since others take what they need when they are."""

import asyncio
import importlib
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from domain import capabilities
from domain.store.envelope import EnvelopeMapper
from domain.work import Result
from projections.engine import event_log
from workers.proof import notes
from workers.proof.ledger import LineWriter
from workers.proof.notes import DUE_BESIDE, LETTER, MODELS, NOTES, SUMMARY
from workers.work.kind import Kind, Piece, Policy, Tools

TAKES = 0.0, 0.3  # seconds
STALLED = 2.0  # seconds until a lease is taken over
ATTEMPTS = (0.2,) * 1_000  # a proof kills far more often than life does


class Sent(Struct, frozen=True, array_like=True):
    """A letter, as it was sent."""

    subject: str
    wanted: int
    at: float


def kinds(folder: Path) -> tuple[Kind, ...]:
    """The kinds of work of a proof; letters that are sent are written to a file of this process."""
    sent = LineWriter(folder / f"sent_{os.getpid()}.jsonl")

    async def summarize(piece: Piece, tools: Tools) -> Result:
        async with tools.connection() as connection:
            result = await notes.summary(connection, piece.subject)
        await _take_time()
        return result

    async def send(piece: Piece, tools: Tools) -> Result:
        await _take_time()
        sent.write(Sent(piece.subject, piece.wanted, time.monotonic()))
        await _take_time()
        return notes.letter(piece.subject, piece.wanted)

    how: dict[str, Any] = {"concurrency": 4, "backoff": ATTEMPTS, "deadline": 10.0}
    return (Kind(SUMMARY, summarize, **how), Kind(LETTER, send, Policy.AT_MOST_ONCE, **how))


async def _take_time() -> None:
    await asyncio.sleep(random.uniform(*TAKES))  # noqa: S311 - no secret


def switch_on(folder: Path) -> None:
    """For the rest of this process."""
    aggregates = (*capabilities.AGGREGATES, NOTES)
    capabilities.AGGREGATES = aggregates
    event_log.mapper = _mapper()
    read_models: Any = importlib.import_module("projections.read_models")
    read_models.CAPABILITIES["work"] = (DUE_BESIDE,)
    read_models.READ_MODELS = MODELS
    read_models.VERSIONS[DUE_BESIDE.name] = DUE_BESIDE.version
    of_workers: Any = importlib.import_module("workers.kinds")
    of_workers.KINDS += kinds(folder)
    runner: Any = importlib.import_module("workers.work.runner")
    runner.STALLED = STALLED


@contextmanager
def readable() -> Iterator[None]:
    """Notes can be read in the log meanwhile, in this process."""
    mapper = event_log.mapper
    event_log.mapper = _mapper()
    try:
        yield
    finally:
        event_log.mapper = mapper


def _mapper() -> EnvelopeMapper:
    known = [one for one in capabilities.AGGREGATES if one is not NOTES]
    return EnvelopeMapper((*known, NOTES), capabilities.RENAMED)
