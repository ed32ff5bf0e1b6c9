"""A state machine of everything that can happen to one event, in any order, on real servers."""

import asyncio
from collections.abc import Awaitable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Command, Recorded, StreamName
from domain.errors import Problem
from domain.store.writer import BulkOutcome, IdempotencyKey, Outcome
from tests.harness import play
from tests.harness.capabilities import commands
from tests.harness.client import Client
from tests.harness.values import EVENT, MEMBERS
from tests.harness.world import Answer, World, bulk_said, unknown

which = st.integers(0, 1)
some = commands(EVENT)
pairs = st.tuples(some, st.booleans())


class Request(Struct, eq=False):
    """A command with its key, and every answer that it got."""

    command: Command
    key: IdempotencyKey | None
    answers: list[Answer]


class Tally(Struct):
    """Counts of what was tried, over all examples."""

    examples: int = 0
    steps: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    crashes: int = 0
    messages: int = 0


class Machine(RuleBasedStateMachine):
    world: ClassVar[World]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        self.tally.examples += 1
        self.event_id = self.world.new_event()
        self.requests: list[Request] = []
        self._keys = 0
        self._outcomes: list[tuple[int, StreamName, Any]] = []
        self.clients: list[Client] = []

    @initialize(story=play.opening(EVENT))
    def open_event(self, story: list[Command]) -> None:
        self.after = self.world.run(self.world.end())
        for command in story:
            self._send(self._request(command, False), 0)
        self.clients = [Client(self.event_id, m, self.after) for m in MEMBERS[:2]]
        for i, client in enumerate(self.clients):
            self.world.run(client.listen(self.world.apis[i].live))

    # What members do
    @rule(commands=st.lists(some, min_size=1, max_size=6), api=which)
    def send(self, commands: list[Command], api: int) -> None:
        for command in commands:
            self._send(self._request(command, keyed=True), api)

    @rule(command=some, api=which, again=which)
    def send_twice(self, command: Command, api: int, again: int) -> None:
        """Without a key, the state alone says that it is a repeat."""
        request = self._request(command, False)
        first = self._send(request, api)
        second = self._send(request, again)
        if not unknown(first):
            self._check_same(first, second)
            assert isinstance(second, Problem) or not second.events, f"{command} was done twice"

    @rule(api=which)
    def send_all_again(self, api: int) -> None:
        """At any later time, the key says that it is a repeat."""
        keyed = [request for request in self.requests if request.key and request.answers]
        sent = [(api, request.command, request.key) for request in keyed]
        for request, answer in zip(keyed, self.world.run(self.world.send_all(sent)), strict=True):
            self._take(request, answer)

    @rule(
        command=some,
        keyed=st.booleans(),
        clicks=st.lists(which, min_size=2, max_size=6),
        beside=pairs,
    )
    def click_wildly(
        self, command: Command, keyed: bool, clicks: list[int], beside: tuple[Command, bool]
    ) -> None:
        """The same command at once on both APIs, and another one meanwhile."""
        request, other = self._request(command, keyed), self._request(*beside)
        sent = [(api, request) for api in clicks] + [(0, other)]
        answers = self.world.run(self.world.send_all([(api, r.command, r.key) for api, r in sent]))
        for (_, r), answer in zip(sent, answers, strict=True):
            self._take(r, answer)

    @rule(command=some, api=which, fault=st.sampled_from(["before", "after"]))
    def send_on_bad_line(self, command: Command, api: int, fault: Any) -> None:
        request = self._request(command, True)
        work = self.world.send_on_bad_line(fault, api, request.command, request.key)
        self._take(request, self.world.run(work))
        self.tally.crashes += 1
        self._send(request, api)

    @rule(
        commands=st.lists(some, min_size=1, max_size=8),
        api=which,
        fault=st.sampled_from([None, "before", "after"]),
        again=which,
    )
    def send_as_one(self, commands: list[Command], api: int, fault: Any, again: int) -> None:
        """On a line that may break; once more it comes to the same."""
        commands = [replace(command, event_id=self.event_id) for command in commands]
        self._keys += 1
        key = IdempotencyKey(self.event_id, f"key {self._keys}", b"a fingerprint")
        before = len(self._log_of_members())
        first = self.world.run(self.world.send_as_one(fault, api, self.event_id, commands, key))
        second = self.world.run(self.world.send_as_one(None, again, self.event_id, commands, key))
        assert isinstance(second, BulkOutcome), f"{second} for many commands as one"
        assert unknown(first) or bulk_said(first) == bulk_said(second)
        recorded = len(self._log_of_members()) - before
        assert recorded == second.recorded, f"{recorded} events, not {second.recorded}"
        self.tally.crashes += fault is not None
        self._step()

    def _log_of_members(self) -> list[Recorded]:
        return [r for r in self._log() if not r.stream.startswith("bulk:")]

    @rule(candidates=st.lists(pairs, min_size=2, max_size=8))
    def send_slowly(self, candidates: list[tuple[Command, bool]]) -> None:
        """Two of them that record something, if there are."""
        state = play.resumed(self._log())
        first, second, *_ = sorted(
            (self._request(*candidate) for candidate in candidates),
            key=lambda request: not state.would_record(request.command),
        )
        work = self.world.send_slowly((first.command, first.key), (second.command, second.key))
        for request, answer in zip((first, second), self.world.run(work), strict=True):
            self._take(request, answer)

    # What workers do
    @rule(which=which)
    def project(self, which: int) -> None:
        self._step()
        self.world.run(self.world.projectors[which].step())

    @rule()
    def project_both_at_once(self) -> None:
        self._step()
        first, second = (p.step() for p in self.world.projectors)
        self.world.run(_both(first, second))

    @rule(which=which)
    def publish(self, which: int) -> None:
        self._step()
        self.world.run(self.world.relays[which].step())

    @rule()
    def publish_both_at_once(self) -> None:
        self._step()
        first, second = (r.step() for r in self.world.relays)
        self.world.run(_both(first, second))

    # What goes wrong
    @rule(which=which, what=st.sampled_from(["projectors", "relays"]))
    def crash_worker(self, which: int, what: str) -> None:
        self._crash()
        self.world.run(getattr(self.world, what)[which].restart())

    @rule(api=which)
    def crash_api(self, api: int) -> None:
        """The other takes over its readers."""
        self._crash()
        self.world.run(self.world.restart_api(api))
        for client in self.clients:
            self.world.run(client.listen(self.world.apis[1 - api].live))

    @rule()
    def lose_bus(self) -> None:
        self._crash()
        self.world.run(self.world.lose_bus())

    @rule(back=st.integers(0, 4))
    def redeliver(self, back: int) -> None:
        self._step()
        self.world.run(self.world.redeliver(back))

    @rule(client=which, lost=st.sampled_from([0, 1, 100, 10_000]))
    def hang_up(self, client: int, lost: int) -> None:
        self._step()
        self.world.run(self.clients[client].hang_up(lost))

    @rule(client=which, api=which)
    def listen(self, client: int, api: int) -> None:
        self._step()
        self.world.run(self.clients[client].listen(self.world.apis[api].live))

    # What must hold
    @rule()
    def settle(self) -> None:
        self._step()
        world = self.world
        world.run(world.settle())
        for i, client in enumerate(self.clients):
            if not client.listens:
                world.run(client.listen(world.apis[i].live))
        self._check_acknowledged()
        world.run(world.check(self.event_id, self.after, self.clients))

    def teardown(self) -> None:
        if not self.clients:
            return
        try:
            self.settle()
        finally:
            for client in self.clients:
                self.world.run(client.hang_up())
            self.tally.messages += sum(len(client.received) for client in self.clients)

    def _check_acknowledged(self) -> None:
        log = {recorded.position: recorded for recorded in self._log()}
        for position, name, event in self._outcomes:
            found = log.get(position)
            assert found, f"{event} was acknowledged at {position}, and is lost"
            assert (found.stream, found.event) == (name, event)

    def _log(self) -> list[Recorded]:
        return self.world.run(self.world.log(self.event_id, self.after))

    def _request(self, command: Command, keyed: bool) -> Request:
        """Examples are drawn for one event, and each is tried on an event of its own."""
        command = replace(command, event_id=self.event_id)
        self._keys += keyed
        key = (
            IdempotencyKey(self.event_id, f"key {self._keys}", b"a fingerprint") if keyed else None
        )
        self.requests.append(Request(command, key, []))
        return self.requests[-1]

    def _send(self, request: Request, api: int) -> Answer:
        answer = self.world.run(self.world.send(api, request.command, request.key))
        self._take(request, answer)
        return answer

    def _take(self, request: Request, answer: Answer) -> None:
        self._step()
        self.tally.sent += 1
        self.tally.unknown += unknown(answer)
        if unknown(answer):
            return
        if isinstance(answer, Problem):
            self.tally.refused += 1
        else:
            self.tally.acknowledged += 1
            if answer.events:
                *_, last = play.placed(request.command, answer.events)
                self._outcomes.append((answer.position, *last))
        if request.key and request.answers:
            self._check_same(request.answers[0], answer)
        request.answers.append(answer)
        done = [a for a in request.answers if isinstance(a, Outcome) and a.events]
        assert not request.key or len(done) <= 1, f"{request.command} was done twice under its key"

    def _check_same(self, first: Answer, second: Answer) -> None:
        if not unknown(first) and not unknown(second):
            assert _said(first) == _said(second), f"first {first!r}, and once more {second!r}"

    def _step(self) -> None:
        self.tally.steps += 1

    def _crash(self) -> None:
        self.tally.crashes += 1
        self._step()


def _said(answer: Answer) -> Any:
    if isinstance(answer, Problem):
        return type(answer), answer.detail, answer.errors
    return answer.position, answer.reply


async def _both(first: Awaitable[bool], second: Awaitable[bool]) -> None:
    await asyncio.gather(first, second)
