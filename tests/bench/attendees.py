"""Attendees of a large conference: the best few for each, the directory searched and filtered, and
profiles; how soon others see who joins; and what memory all of that takes."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator
from statistics import quantiles
from typing import Any

import httpx
from msgspec import Struct

from domain.aggregate import Command
from domain.attendees import Profile, SaveProfile
from domain.conferences import AnnounceConference
from tests.bench.figure import Figure
from tests.bench.ground import Ground, Measured, client
from tests.bench.past import past, write
from tests.bench.wire import Connection, connect, request

CONNECTIONS = 16
EVENT = "large"
PATH = f"/api/events/{EVENT}/attendees"
SYLLABLES = (
    *("ka", "lo", "mi", "ren", "tas", "vel", "do", "sha", "ber", "nik"),
    *("ost", "ara", "lin", "gru", "pet", "mas", "el", "ju", "ona", "rik"),
)
TOPICS = [f"topic {i}" for i in range(400)]
INDUSTRIES = [f"industry {i}" for i in range(40)]
ROLES = [f"role {i}" for i in range(60)]
AIMS = [f"aim number {i}" for i in range(300)]


class Size(Struct, frozen=True):
    members: int = 50_000
    rounds: int = 3
    seconds: float = 4.0
    joins: int = 20


QUICK = Size(members=60, rounds=1, seconds=0.3, joins=2)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    with ground.product() as product:
        write(product.database_url, past(_people(size.members)))
        product.drain(600)
        before = _memory(product)
        tokens = [product.token(f"usr_{i}", f"event:{EVENT}:member") for i in range(100)]
        with _member(product, "usr_1") as somebody:  # who asks first waits for the index
            began = time.monotonic()
            somebody.get(f"{PATH}/ranked", timeout=120).raise_for_status()
            first = time.monotonic() - began
        taken: dict[str, list[float]] = {name: [] for name in QUERIES}
        for number in range(size.rounds):
            for name, query in QUERIES.items():
                paths = [query(i) for i in range(100)]
                spec = {"port": product.port, "paths": paths, "tokens": tokens}
                found = client("attendees", size.seconds + 60, seconds=size.seconds, **spec)
                taken[name].append(quantiles(found, n=100)[98])
            said = ", ".join(f"{name} {values[-1]:.1f} ms" for name, values in taken.items())
            ground.say(f"  round {number + 1}: p99 of {said}")
        joins = [_joined(product, i) for i in range(size.joins)]
        memory = _memory(product)
    ground.say(f"  {before:.0f} MB before anybody asked, whose first answer took {first:.1f} s")
    of = f"{size.members:,} attendees, {CONNECTIONS} connections, 99 of 100"
    for name, reach in (("ranked", 50), ("directory", 60), ("profile", 15)):
        what = f"{WHAT[name]}, {of}"
        yield Figure(f"attendees {name}", what, "ms", tuple(taken[name]), reach, at_most=True)
    what = "from the reply to a PUT until another's directory shows it"
    yield Figure("attendees join", what, "s", tuple(joins), 1, at_most=True)
    yield Figure(
        *("attendees memory", "the api process with that event", "MB", (memory,), 250),
        at_most=True,
    )


WHAT = {
    "ranked": "the best five of a member",
    "directory": "a page with two filters and a search",
    "profile": "a profile",
}
QUERIES: dict[str, Callable[[int], str]] = {
    "ranked": lambda i: f"{PATH}/ranked",
    "directory": lambda i: (
        f"{PATH}?industries=industry%20{i % 40}&industries=industry%20{i % 39}"
        f"&roles=role%20{i % 60}&roles=role%20{i % 7}&q={SYLLABLES[i % 20]}{SYLLABLES[i % 13]}"
    ),
    "profile": lambda i: f"{PATH}/usr_{1_000 + i}",
}


def _people(members: int) -> Iterator[Command]:
    """Names, companies and headlines of syllables; topics, of which a few are everybody's; and
    goals, of which one in three is in own words."""
    chance = random.Random(2026)  # noqa: S311 - the same each time, and no secret
    yield AnnounceConference(event_id=EVENT, name=EVENT, timezone="UTC")
    for i in range(max(members, 1_200)):
        yield SaveProfile(event_id=EVENT, member_id=f"usr_{i}", profile=_profile(chance, i))


def _profile(chance: random.Random, i: int) -> Profile:
    def word(count: int) -> str:
        return "".join(chance.choices(SYLLABLES, k=count))

    def some(of: list[str], most: int) -> tuple[str, ...]:
        picked = (of[int(len(of) * chance.random() ** 3)] for _ in range(chance.randint(0, most)))
        return tuple(dict.fromkeys(picked))

    return Profile(
        f"{word(2).title()} {word(3).title()}",
        headline=f"{word(3)} {word(2)} at {word(4)}",
        company=word(3),
        role=chance.choice(ROLES),
        interests=some(TOPICS, 6),
        focus_areas=some(TOPICS, 3),
        industries=some(INDUSTRIES, 3),
        goals=(*some(AIMS, 3), *((f"{word(2)} {word(3)} {i}",) if i % 3 == 0 else ())),
        offers=some(AIMS, 3),
        seeks=some(AIMS, 3),
    )


def _member(product: Measured, member_id: str) -> httpx.Client:
    return product.client(member_id, f"event:{EVENT}:member")


def _joined(product: Measured, i: int) -> float:
    """Seconds until another's search finds who has just joined."""
    name = f"Newcomer{i}"
    with _member(product, f"new_{i}") as new, _member(product, "usr_1") as other:
        new.put(f"{PATH}/me", json={"name": name}).raise_for_status()
        began = time.monotonic()
        while not other.get(PATH, params={"q": name, "sort": "company"}).json()["items"]:
            pass
        return time.monotonic() - began


def _memory(product: Measured) -> float:
    """Megabytes that the api process holds."""
    assert product.api
    with open(f"/proc/{product.api.pid}/status", encoding="ascii") as status:
        (held,) = (line.split()[1] for line in status if line.startswith("VmRSS"))
    return int(held) / 1024


# In the process of the load generator


async def generate(spec: Any) -> list[float]:
    """Milliseconds of each answer, of so many who each ask one thing after another."""
    until = time.monotonic() + spec["seconds"]
    asked = itertools.cycle(
        request("GET", path, token)
        for path, token in zip(spec["paths"], spec["tokens"], strict=True)
    )
    taken: list[float] = []

    async def ask(connection: Connection) -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            assert await connection.ask(next(asked)) == 200
            taken.append((time.monotonic() - began) * 1000)

    await asyncio.gather(*[ask(await connect(spec["port"])) for _ in range(CONNECTIONS)])
    return taken
