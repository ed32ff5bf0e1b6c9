"""The specification of a proof, as every process of it reads it: a file, which holds passwords."""

import asyncio
import signal
import sys
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from workers.proof.acts import PROBE
from workers.tokens import sign

ORGANIZER = "organizer"
CALM, RESTLESS = "calm", "restless"  # readers that stay, and readers that come and go


class Spec(Struct, frozen=True):
    folder: str
    event_id: str
    database_url: str
    nats_url: str
    port: int
    secret: str
    seed: int
    begin: int  # the log's end before the proof
    start: int  # and before the load
    over_http: int = 5  # members
    on_store: tuple[int, ...] = (4, 4)  # members of each process that writes straight to the store

    def file(self, name: str) -> Path:
        return Path(self.folder) / name

    def random(self, name: str) -> Random:
        """A generator for one member: the same for the same seed."""
        return Random(f"{self.seed} {name}")  # noqa: S311 - no secret

    def token(self, member: str) -> str:
        scope = f"event:{self.event_id}:{'organizer' if member == ORGANIZER else 'member'}"
        return sign(self.secret, member, [scope], 24 * 3600)

    def web_members(self) -> list[str]:
        return [f"web_{i}" for i in range(self.over_http)]

    def store_members(self, process: int) -> list[str]:
        return [f"store_{process}_{i}" for i in range(self.on_store[process])]

    def writers(self) -> list[str]:
        stores = [m for n in range(len(self.on_store)) for m in self.store_members(n)]
        return [ORGANIZER, PROBE, *self.web_members(), *stores]

    def readers(self) -> dict[str, str]:
        """The names of readers of live feeds, each with its member."""
        stores = [m for n in range(len(self.on_store)) for m in self.store_members(n)]
        restless = {f"{RESTLESS} {m}": m for m in (*self.web_members(), *stores)}
        return {f"{CALM} {m}": m for m in (*self.web_members(), PROBE)} | restless


SPEC = "spec.json"


def write(spec: Spec) -> Path:
    path = spec.file(SPEC)
    path.touch(0o600)
    path.write_bytes(msgspec.json.encode(spec))
    return path


def read(path: str) -> Spec:
    return msgspec.json.decode(Path(path).read_bytes(), type=Spec)


class Phase:
    """The phase of a process, set by signals. SIGUSR1 (settling): begin nothing new, finish what
    was begun. SIGTERM (ending): end."""

    def __init__(self) -> None:
        self.settling, self.ending = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.settling.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)

    def _end(self) -> None:
        self.settling.set()
        self.ending.set()


def spec_given() -> tuple[Spec, list[str]]:
    return read(sys.argv[1]), sys.argv[2:]
