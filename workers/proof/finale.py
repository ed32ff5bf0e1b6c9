"""The end of a proof: reads the records, the log and the stores, and checks them."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from msgspec import Struct

from domain.aggregate import Recorded
from projections.engine import event_log
from projections.engine.election import connect
from projections.missions.rows import LEDGER
from projections.read_model import Rows
from projections.read_models import FEEDS
from sql import statements
from workers.bus import messages
from workers.proof import checks, stream, tables, work_checks
from workers.proof.checks import Check
from workers.proof.ledger import Ended, Entry, Heard, Refusal, Tally, lines
from workers.proof.notes import LETTER, MODELS
from workers.proof.noting import DROPPED
from workers.proof.spec import Spec
from workers.proof.switched_on import Sent, readable

PARKED = statements("parked")
PAGE = 5_000
Line = Entry | Refusal | Tally | Ended


class Found(Struct, frozen=True):
    """The records of a proof, and the log since it began."""

    entries: Sequence[Entry]
    refusals: Sequence[Refusal]
    tallies: Sequence[Tally]
    ended: Sequence[Ended]
    heard: Sequence[Heard]
    tail: Sequence[int]
    log: Sequence[Recorded]  # of the event
    positions: Sequence[int]  # of all events since the load began


async def examined(spec: Spec) -> tuple[Found, list[Check]]:
    found = await read(spec)
    return found, await check(spec, found)


async def read(spec: Spec) -> Found:
    answers = _answers(spec)
    log = await _log(spec)
    return Found(
        [a for a in answers if isinstance(a, Entry)],
        [a for a in answers if isinstance(a, Refusal)],
        [a for a in answers if isinstance(a, Tally)],
        [a for a in answers if isinstance(a, Ended)],
        lines(spec.file("heard.jsonl"), Heard),
        list(chain.from_iterable(lines(spec.file("tail.jsonl"), list[int]))),
        [r for r in log if r.scope_id == spec.event_id],
        [r.position for r in log if r.position > spec.start],
    )


def _answers(spec: Spec) -> list[Line]:
    files = [spec.file("load.jsonl"), *sorted(Path(spec.folder).glob("store_*.jsonl"))]
    return list(chain.from_iterable(lines(file, Line) for file in files))


async def _log(spec: Spec) -> list[Recorded]:
    with readable():
        return await _pages(spec)


async def _pages(spec: Spec) -> list[Recorded]:
    log: list[Recorded] = []
    async with await connect(spec.database_url, "proof") as connection:
        position = spec.begin
        while page := await event_log.page(connection, position, PAGE):
            log += page
            position = page[-1].position
    return log


async def check(spec: Spec, found: Found) -> list[Check]:
    log, entries = found.log, found.entries
    pure = tables.pure(log, MODELS)
    said = {
        feed.name: [row for row in pure[feed.messages].values() if row.position > spec.start]
        for feed in FEEDS
    }
    return [
        checks.acknowledged(entries, log, spec.event_id),
        checks.answered(entries, {one.member for one in found.ended}, spec.writers()),
        checks.applied_once(entries, log, spec.event_id),
        checks.points(entries, pure[LEDGER].values()),
        checks.same_reply(entries),
        checks.versions(log),
        checks.in_order("events read by the tail", found.tail, found.positions),
        checks.feeds(found.heard, said, spec.readers()),
        await _read_models(spec, pure),
        await _stream(spec, log),
        work_checks.summaries(log),
        await _letters(spec, log),
        _refused(found),
    ]


async def _letters(spec: Spec, log: Sequence[Recorded]) -> Check:
    sent = [(one.subject, one.wanted) for one in _sent(spec)]
    async with await connect(spec.database_url, "proof") as connection:
        about = {"reader": LETTER, "stream": None}
        rows = await (await connection.execute(PARKED["list"], about)).fetchall()
    parked = {(str(subject), int(wanted)) for _, subject, wanted, *_ in rows}
    parked |= set(lines(spec.file(DROPPED), work_checks.Piece))
    return work_checks.letters(log, sent, parked)


def _sent(spec: Spec) -> list[Sent]:
    files = sorted(Path(spec.folder).glob("sent_*.jsonl"))
    return list(chain.from_iterable(lines(file, Sent) for file in files))


async def _read_models(spec: Spec, pure: Rows) -> Check:
    wrong = []
    async with await connect(spec.database_url, "proof") as connection:
        for table, rows in pure.items():
            stored = await tables.stored(connection, table, spec.event_id)
            wrong.append(tables.difference(table, stored, rows))
    count = sum(map(len, pure.values()))
    return Check("rows of read models", count, [text for text in wrong if text])


async def _stream(spec: Spec, log: Sequence[Recorded]) -> Check:
    """JetStream has each event once, in order, from where it begins, and each message is of the
    event at its position."""
    begins, headers = await stream.published(spec.nats_url, spec.event_id)
    by_position = {recorded.position: recorded for recorded in log}
    read = [messages.position(one) for one in headers]
    check = checks.in_order(
        "messages of JetStream", read, sorted(p for p in by_position if p > begins)
    )
    altered = [
        f"the message at {position} is not of the event that the log has there"
        for position, one in zip(read, headers, strict=True)
        if position in by_position and not messages.is_of(one, by_position[position])
    ]
    return Check(check.name, check.looked_at, check.lost, [*check.doubled, *altered])


def _refused(found: Found) -> Check:
    count = len(found.entries) + len(found.refusals)
    refused = [f"{r.act.member}'s {r.act.kind} was answered {r.answer}" for r in found.refusals]
    return Check("expected answers", count, refused)
