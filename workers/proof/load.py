"""`python -m workers.proof.load SPEC`: members over HTTP, readers of live feeds, and the probe by
which recovery is measured."""

import asyncio
import time
from contextlib import aclosing, suppress
from itertools import count

import msgspec
import uvloop

from workers.http_client import Client, LostError
from workers.proof.acts import MISSIONS, PROBE, Act, request
from workers.proof.ledger import Book, Ended, Entry, Heard, Mark, Refusal, Tally
from workers.proof.spec import CALM, ORGANIZER, Phase, Spec, spec_given
from workers.proof.writers import AwayError, RefusedError, Writer

AWAY = {429, 502, 503, 504}
STAYS = 0.3  # seconds for which a restless reader listens, on average
EACH = 0.03  # seconds between looks of the probe
PAUSE = 0.05
SETTLED = "load.settled"
OPENED = "live feeds opened"


class Over:
    """One member's way to the product over HTTP."""

    def __init__(self, spec: Spec, member: str) -> None:
        self._event_id = spec.event_id
        self._client = Client(spec.port, spec.token(member))

    async def tell(self, act: Act, key: str | None) -> tuple[int, bytes]:
        method, path, body = request(act, self._event_id)
        headers = {"Idempotency_Key": key} if key else {}
        try:
            answer = await self._client.ask(method, path, body, **headers)
        except LostError as e:
            raise AwayError(str(e)) from None
        if answer.status in AWAY:
            raise AwayError(f"{answer.status}")
        if answer.status >= 300 or "event-position" not in answer.headers:
            raise RefusedError(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
        return int(answer.headers["event-position"]), answer.body


# Live feeds
class Listener:
    """Goes on from the last message that it has got whole, however the stream ended."""

    def __init__(self, spec: Spec, reader: str, member: str, book: Book, marks: Book) -> None:
        self._reader, self._member = reader, member
        self._calm = reader.startswith(CALM)
        self._after = spec.start
        self.opened = 0
        self._path = f"/api/events/{spec.event_id}/members/{member}/stream"
        self._client = Client(spec.port, spec.token(member))
        self._random = spec.random(reader)
        self._book, self._marks = book, marks

    async def run(self, phase: Phase) -> None:
        while not phase.ending.is_set():
            calm = self._calm or phase.settling.is_set()
            stay = None if calm else self._random.expovariate(1 / STAYS)
            try:
                async with asyncio.timeout(stay):
                    await self._listen()
            except TimeoutError:
                self.opened += 1
            except LostError:
                await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        async with aclosing(self._client.stream(self._path, self._after)) as messages:
            async for message in messages:
                self._take(message)
        await asyncio.sleep(PAUSE)  # it ended from the other side

    def _take(self, message: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in message.split(b"\n") if b": " in line)
        if b"id" not in fields:
            return  # a comment
        self._after = int(fields[b"id"])
        data = msgspec.Raw(fields[b"data"])
        self._book.write(
            Heard(self._reader, self._member, self._after, fields[b"event"].decode(), data)
        )
        if self._member == PROBE:
            self._marks.write(Mark("heard", self._after, time.monotonic()))


# The probe
class Probe:
    """Changes something again and again, and looks when it is shown."""

    def __init__(self, spec: Spec, book: Book, marks: Book) -> None:
        self._spec = spec
        self._over, self._client = Over(spec, PROBE), Client(spec.port, spec.token(PROBE))
        self._book, self._marks = book, marks

    async def change(self, phase: Phase) -> None:
        for number in count():
            if phase.settling.is_set():
                break
            to = ("in_progress", "not_started")[number % 2]
            act = Act("mission", PROBE, MISSIONS[0], to)
            try:
                await self._change(act, phase)
            except RefusedError as e:
                self._book.write(Refusal(act, str(e)))
                break
            await asyncio.sleep(EACH)
        self._book.write(Ended(PROBE))

    async def _change(self, act: Act, phase: Phase) -> None:
        began = time.monotonic()
        while not phase.ending.is_set():
            sent = time.monotonic()
            with suppress(AwayError):
                position, _ = await self._over.tell(act, None)
                now = time.monotonic()
                self._marks.write(Mark("acked", position, now, sent))
                self._book.write(Entry(act, position, "", began, now))
                return
            await asyncio.sleep(EACH)
        self._book.write(Entry(act, -1, "", began, time.monotonic()))

    async def look(self, phase: Phase) -> None:
        """At the board, as the read model has it."""
        path = f"/api/events/{self._spec.event_id}/missions"
        while not phase.ending.is_set():
            with suppress(LostError):
                answer = await self._client.ask("GET", path)
                if answer.status == 200 and "read-model" not in answer.headers:
                    position = int(answer.headers["event-position"])
                    self._marks.write(Mark("shown", position, time.monotonic()))
            await asyncio.sleep(EACH)


async def run(spec: Spec) -> None:
    phase = Phase()
    with (
        Book(spec.file("load.jsonl")) as book,
        Book(spec.file("heard.jsonl")) as heard,
        Book(spec.file("marks.jsonl")) as marks,
    ):
        probe = Probe(spec, book, marks)
        members = [ORGANIZER, *spec.web_members()]
        writers = [Writer(spec, m, Over(spec, m).tell, book, phase).run() for m in members]
        listeners = [Listener(spec, r, m, heard, marks) for r, m in spec.readers().items()]
        others = [*(one.run(phase) for one in listeners), probe.look(phase)]
        writing = asyncio.gather(*writers, probe.change(phase))
        async with asyncio.TaskGroup() as group:  # what goes wrong here ends it at once
            tasks = [group.create_task(work) for work in others]
            await writing
            book.write(Tally(OPENED, sum(one.opened for one in listeners)))
            spec.file(SETTLED).touch()
            await phase.ending.wait()
            for task in tasks:
                task.cancel()


if __name__ == "__main__":
    uvloop.run(run(spec_given()[0]))
