"""`python -m workers.proof.load SPEC`: members over HTTP, readers of live feeds, and the probe by
which recovery is measured."""

import asyncio
import re
import time
from contextlib import aclosing, suppress
from itertools import count

import msgspec
import uvloop

from workers.http_client import Client, LostError
from workers.proof.acts import MISSIONS, PROBE, Act, request
from workers.proof.ledger import Ended, Entry, Heard, LineWriter, Mark, Refusal, Tally
from workers.proof.spec import CALM, ORGANIZER, Phase, Spec, spec_given
from workers.proof.writers import AwayError, RefusedError, Writer

UNAVAILABLE = {429, 502, 503, 504}
LISTENS = 0.3  # seconds for which a restless reader stays connected, on average
POLL_SECONDS = 0.03  # of the probe
PAUSE = 0.05
SETTLED = "load.settled"
OPENED = "live feeds opened"


class OverHttp:
    """Executes acts of one member over HTTP."""

    def __init__(self, spec: Spec, member: str) -> None:
        self._event_id = spec.event_id
        self._client = Client(spec.port, spec.token(member))

    async def execute(self, act: Act, key: str | None) -> tuple[int, bytes]:
        method, path, body = request(act, self._event_id)
        headers = {"Idempotency_Key": key} if key else {}
        try:
            answer = await self._client.ask(method, path, body, **headers)
        except LostError as e:
            raise AwayError(str(e)) from None
        if answer.status in UNAVAILABLE:
            raise AwayError(f"{answer.status}")
        if answer.status >= 300 or "event-position" not in answer.headers:
            raise RefusedError(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
        return int(answer.headers["event-position"]), answer.body


# Live feeds
class Listener:
    """A reader of a live feed. It resumes by the id of the last message that it got whole, as
    browsers do. A restless one disconnects after a while, again and again."""

    def __init__(
        self, spec: Spec, reader: str, member: str, book: LineWriter, marks: LineWriter
    ) -> None:
        self._reader, self._member = reader, member
        self._calm = reader.startswith(CALM)
        self._last_id = str(spec.start)
        self.opened = 0
        self._path = f"/api/events/{spec.event_id}/members/{member}/stream"
        self._client = Client(spec.port, spec.token(member))
        self._random = spec.random(reader)
        self._book, self._marks = book, marks

    async def run(self, phase: Phase) -> None:
        while not phase.ending.is_set():
            calm = self._calm or phase.settling.is_set()
            stay = None if calm else self._random.expovariate(1 / LISTENS)
            try:
                async with asyncio.timeout(stay):
                    await self._listen()
            except TimeoutError:
                self.opened += 1
            except LostError:
                await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        async with aclosing(self._client.stream(self._path, self._last_id)) as messages:
            async for message in messages:
                self._take(message)
        await asyncio.sleep(PAUSE)  # the server ended the stream

    def _take(self, message: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in message.split(b"\n") if b": " in line)
        if b"id" not in fields:
            return  # a comment
        self._last_id = fields[b"id"].decode()
        position = position_in(self._last_id)
        type_, data = fields[b"event"].decode(), msgspec.Raw(fields[b"data"])
        self._book.write(Heard(self._reader, self._member, position, type_, data))
        if self._member == PROBE:
            self._marks.write(Mark("heard", position, time.monotonic()))


def position_in(id_: str) -> int:
    """The position of the message with this id: the number that it ends with. What is before that
    says how far each feed was heard, and is the server's."""
    return int(re.split(r"\D", id_)[-1])


# The probe
class Probe:
    """Changes a mission again and again, and polls the board for when that is shown."""

    def __init__(self, spec: Spec, book: LineWriter, marks: LineWriter) -> None:
        self._spec = spec
        self._http, self._client = OverHttp(spec, PROBE), Client(spec.port, spec.token(PROBE))
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
            await asyncio.sleep(POLL_SECONDS)
        self._book.write(Ended(PROBE))

    async def _change(self, act: Act, phase: Phase) -> None:
        began = time.monotonic()
        while not phase.ending.is_set():
            sent = time.monotonic()
            with suppress(AwayError):
                position, _ = await self._http.execute(act, None)
                now = time.monotonic()
                self._marks.write(Mark("acked", position, now, sent))
                self._book.write(Entry(act, position, "", began, now))
                return
            await asyncio.sleep(POLL_SECONDS)
        self._book.write(Entry(act, -1, "", began, time.monotonic()))

    async def poll(self, phase: Phase) -> None:
        """Notes each position that the board shows from the read model."""
        path = f"/api/events/{self._spec.event_id}/missions"
        while not phase.ending.is_set():
            with suppress(LostError):
                answer = await self._client.ask("GET", path)
                if answer.status == 200 and "read-model" not in answer.headers:
                    position = int(answer.headers["event-position"])
                    self._marks.write(Mark("shown", position, time.monotonic()))
            await asyncio.sleep(POLL_SECONDS)


async def run(spec: Spec) -> None:
    phase = Phase()
    with (
        LineWriter(spec.file("load.jsonl")) as book,
        LineWriter(spec.file("heard.jsonl")) as heard,
        LineWriter(spec.file("marks.jsonl")) as marks,
    ):
        probe = Probe(spec, book, marks)
        members = [ORGANIZER, *spec.web_members()]
        writers = [Writer(spec, m, OverHttp(spec, m).execute, book, phase).run() for m in members]
        listeners = [Listener(spec, r, m, heard, marks) for r, m in spec.readers().items()]
        others = [*(one.run(phase) for one in listeners), probe.poll(phase)]
        writing = asyncio.gather(*writers, probe.change(phase))
        async with asyncio.TaskGroup() as group:  # an error in one of them ends the process
            tasks = [group.create_task(work) for work in others]
            await writing
            book.write(Tally(OPENED, sum(one.opened for one in listeners)))
            spec.file(SETTLED).touch()
            await phase.ending.wait()
            for task in tasks:
                task.cancel()


if __name__ == "__main__":
    uvloop.run(run(spec_given()[0]))
