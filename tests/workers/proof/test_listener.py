"""The reader of a live feed in a proof resumes as browsers do, whatever ids look like."""

import asyncio
from contextlib import suppress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from workers.background import background
from workers.proof.ledger import Heard, LineWriter, lines
from workers.proof.load import Listener, position_in
from workers.proof.spec import Phase, Spec

positions = st.integers(1, 10**18 - 1)
names = st.from_regex(r"\A[a-z][a-z0-9_]{0,10}\Z")
IDS = ["7", "12-live_sessions.9-live_missions.12", "12-live_sessions.10", "13"]


@given(positions, st.dictionaries(names, positions), names, positions)
def test_id_ends_with_the_position_of_its_message(
    top: int, behind: dict[str, int], name: str, position: int
) -> None:
    others = [f"{other}.{upto}" for other, upto in behind.items()]
    assert position_in("-".join([str(top), *others, f"{name}.{position}"])) == position
    assert position_in(str(top)) == top


class Feed:
    """A server that sends one message on each stream that is opened, and then ends the stream; the
    last stream is left open."""

    def __init__(self) -> None:
        self.last_ids: list[str] = []
        self.all_sent = asyncio.Event()
        self._streams: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._streams.append(asyncio.current_task())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.last_ids += [line.split(": ")[1] for line in head if line.startswith("Last-Event-ID")]
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        if len(self.last_ids) > len(IDS):
            self.all_sent.set()
            with suppress(OSError):
                await reader.read()  # until the reader has gone
        else:
            id_ = IDS[len(self.last_ids) - 1]
            message = f":\n\nid: {id_}\nevent: MISSION_UPDATED\ndata: {{}}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(message), message))
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def all_ended(self) -> None:
        await asyncio.gather(*filter(None, self._streams), return_exceptions=True)


def test_listener_sends_back_the_id_of_its_last_message_as_it_got_it(tmp_path: Path) -> None:
    async def story() -> list[str]:
        feed = Feed()
        async with await asyncio.start_server(feed.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            spec = Spec(str(tmp_path), "proof-1", "", "", port, "s" * 32, 1, 0, 5)
            with (
                LineWriter(spec.file("heard.jsonl")) as heard,
                LineWriter(spec.file("marks.jsonl")) as marks,
            ):
                listener = Listener(spec, "calm ada", "ada", heard, marks)
                async with background(listener.run(Phase())):
                    async with asyncio.timeout(30):
                        await feed.all_sent.wait()
            await feed.all_ended()
        return feed.last_ids

    assert asyncio.run(story()) == ["5", *IDS]
    heard = lines(tmp_path / "heard.jsonl", Heard)
    assert [one.position for one in heard] == [7, 12, 10, 13]
