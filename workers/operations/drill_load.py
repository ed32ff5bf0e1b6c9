"""The load of a drill: a conference of its own, whose members send commands over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from itertools import cycle
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import StreamName, stream
from workers.bus import messages
from workers.http_client import Answer, Client, LostError
from workers.tokens import sign

MEMBERS = 16
MISSIONS = tuple(f"mission_{i}" for i in range(5))
# The event that follows from each status.
CHANGES = {"in_progress": "MissionStarted", "completed": "MissionCompleted"}
PATIENCE = 30.0  # seconds for the relay
POLL_SECONDS = 0.05
PAUSE = 0.005  # seconds between a member's commands: the machine has other things to do too


class Place(Struct, frozen=True):
    """A running product, and the conference of the drill there."""

    folder: Path
    database_url: str
    nats_url: str
    port: int
    secret: str
    event_id: str
    master_key: str

    def of(self, other: "Place") -> "Place":
        """This product, with the conference of the other one, which was restored here."""
        return replace(self, event_id=other.event_id)

    def client(self, sub: str, scope: str) -> Client:
        return Client(self.port, sign(self.secret, sub, [scope], 24 * 3600))

    def member(self, number: int) -> Client:
        return self.client(name(number), f"event:{self.event_id}:member")

    @property
    def path(self) -> str:
        return f"/api/events/{self.event_id}"


class Acknowledged(Struct, frozen=True):
    """A command that was acknowledged: its position, and its (stream, topic)."""

    position: int
    change: tuple[StreamName, str]


def name(number: int) -> str:
    return f"member_{number}"


async def ready(place: Place) -> bool:
    with suppress(LostError), closing(place.client("drill", "admin")) as anyone:
        return (await anyone.ask("GET", "/health/ready")).status == 200
    return False


def prepare(place: Place) -> None:
    asyncio.run(_prepare(place))


async def _prepare(place: Place) -> None:
    missions = [
        {"id": id_, "title": id_, "description": "", "category": "", "points": 10}
        for id_ in MISSIONS
    ]
    with closing(place.client("drill", "admin")) as admin:
        await _done(admin, "PUT", place.path, {"name": "A drill", "timezone": "UTC"})
        await _done(admin, "PUT", f"{place.path}/missions", missions)
        for number in range(MEMBERS):
            path = f"{place.path}/attendees/{name(number)}"
            await _done(admin, "PUT", path, {"name": f"Member {number}"})


async def _done(client: Client, method: str, path: str, body: object) -> Answer:
    answer = await client.ask(method, path, msgspec.json.encode(body))
    if answer.status != 200:
        raise LostError(f"{method} {path} was answered {answer.status}: {answer.body[:300]!r}")
    return answer


@asynccontextmanager
async def running(place: Place, commands: list[Acknowledged]) -> AsyncIterator[None]:
    """Runs the load meanwhile, and adds each acknowledged command to `commands`.
    Yields once there is one."""
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(MEMBERS):
            group.create_task(_play(place, number, commands, ended))
        try:
            while not commands:  # noqa: ASYNC110 - whoever gets no answer ends the group
                await asyncio.sleep(PAUSE)
            yield
        finally:
            ended.set()


async def _play(
    place: Place, number: int, commands: list[Acknowledged], ended: asyncio.Event
) -> None:
    board = stream("missions", place.event_id, name(number))
    with closing(place.member(number)) as client:
        for status, mission in _changes():
            if ended.is_set():
                return
            path = f"{place.path}/missions/{mission}"
            answer = await _done(client, "PATCH", path, {"status": status})
            if change := CHANGES.get(status):
                position = int(answer.headers["event-position"])
                commands.append(Acknowledged(position, (board, change)))
            await asyncio.sleep(PAUSE)


def _changes() -> Iterator[tuple[str, str]]:
    """Status and mission of each command, so that each changes something: one mission after another
    is started, completed and reset."""
    for mission in cycle(MISSIONS):
        for status in (*CHANGES, "not_started"):
            yield status, mission


async def stream_of(nats_url: str) -> tuple[int, int]:
    """The number of messages in JetStream, and the position of the last."""
    client = await messages.connect(nats_url, "drill")
    try:
        jetstream = client.jetstream()
        info = await jetstream.stream_info(str(messages.STREAM.name))
        if not info.state.messages:
            return 0, 0
        last = await jetstream.get_last_msg(str(messages.STREAM.name), "events.>")
        return info.state.messages, messages.position(last.headers)
    finally:
        await client.close()


async def filled(place: Place, events: int, end: int) -> tuple[int, int]:
    """Waits until the relay has published so much, PATIENCE seconds at most. Gives (messages, last
    position)."""
    found = await stream_of(place.nats_url)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while found < (events, end):
                await asyncio.sleep(POLL_SECONDS)
                found = await stream_of(place.nats_url)
    return found


async def check_commands(place: Place) -> str:
    """Completes a mission and reads it. A sentence about what fails; empty where nothing does."""
    with closing(place.member(0)) as client:
        try:
            for status in ("not_started", "completed"):
                path = f"{place.path}/missions/{MISSIONS[0]}"
                answer = await _done(client, "PATCH", path, {"status": status})
            position = answer.headers["event-position"]
            board = await client.ask("GET", f"{place.path}/missions", Min_Position=position)
            ranked = await client.ask("GET", f"{place.path}/leaderboard?limit=100")
        except LostError as e:
            return f"The product does NOT work there: {e}"
    shown = msgspec.json.decode(board.body)["missions"][0]["status"]
    if shown != "completed":
        return f"A mission that was completed there is NOT shown so, but as {shown}."
    return _unnamed(msgspec.json.decode(ranked.body)["entries"])


def _unnamed(entries: Sequence[Mapping[str, str]]) -> str:
    """Profiles are encrypted: without the keys nobody would have a name."""
    wrong = [e for e in entries if e["name"] != e["member_id"].replace("member_", "Member ")]
    return f"{len(wrong)} members have NOT kept their names." if wrong else ""
