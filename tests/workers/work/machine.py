"""Work in every order that things can happen in: what does is in world.py."""

from collections.abc import Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.workers.work.world import POINTS, World

which = st.integers(0, 1)
points = st.sampled_from(POINTS)
news = st.sampled_from(["", "a", "b", "ab"])


class Machine(RuleBasedStateMachine):
    world: ClassVar[World]
    seen: ClassVar[Callable[[str], None]]

    def __init__(self) -> None:
        super().__init__()
        self.event_id = self.world.new_event()

    @rule(about=st.sampled_from("abc"), times=st.integers(1, 2), projected=st.booleans())
    def note(self, about: str, times: int, projected: bool) -> None:
        for _ in range(times):
            self.world.run(self.world.note(self.event_id, about))
        if projected:
            self.project()

    @rule()
    def project(self) -> None:
        self.world.run(self.world.project())

    @rule(who=which, first=news)
    def work(self, who: int, first: str) -> None:
        self._go_to(who, first)

    @rule(who=which, point=points, first=news, stalls=st.booleans())
    def die(self, who: int, point: str, first: str, stalls: bool) -> None:
        self._go_to(who, first, point)
        self.world.run(self.world.places[who].die())
        if stalls:
            self.stall()

    @rule(who=which, point=points, first=news, stalls=st.booleans())
    def stand_still(self, who: int, point: str, first: str, stalls: bool) -> None:
        self._go_to(who, first, point)
        if stalls:
            self.stall()

    @rule(who=which, point=points, first=news)
    def restart(self, who: int, point: str, first: str) -> None:
        """The store restarts while one is at something."""
        self._go_to(who, first, point)
        self.world.run(self.world.restart_store())

    @rule(who=which, point=points, first=news)
    def overtake(self, who: int, point: str, first: str) -> None:
        """One stands still until its lease goes to another, which does what it was at."""
        self._go_to(who, first, point)
        self.stall()
        other = self.world.places[1 - who]
        if not other.stands:
            self.world.run(other.take())

    def _go_to(self, who: int, first: str, point: str = "") -> None:
        """Mostly there is something new to work on; else many an example would be about nothing."""
        for about in first:
            self.world.run(self.world.note(self.event_id, about))
        if first:
            self.project()
        place = self.world.places[who]
        if not place.stands:
            self.world.run(place.take(stops_at=point))

    @rule(who=which, about=st.sampled_from("ab"), stalls=st.booleans())
    def beat(self, who: int, about: str, stalls: bool) -> None:
        """A heartbeat, in the middle of which much happens."""

        async def meanwhile() -> None:
            await self.world.note(self.event_id, about)
            if stalls:
                await self.world.stall()
                other = self.world.places[1 - who]
                if not other.stands:
                    await other.take()

        self.world.run(self.world.places[who].beat(meanwhile))

    @rule(who=which)
    def wake_up(self, who: int) -> None:
        self.world.run(self.world.places[who].release())

    @rule(who=which)
    def end_in_order(self, who: int) -> None:
        self.world.run(self.world.places[who].begin_again())

    @rule()
    def stall(self) -> None:
        self.world.run(self.world.stall())

    @rule(what=st.sampled_from(["publish", "lose_bus", "rebuild", "next_day", "drop_parked"]))
    def around(self, what: str) -> None:
        self.world.run(getattr(self.world, what)())

    def teardown(self) -> None:
        try:
            self.world.run(self.world.settle())
            self.world.run(self.world.check(self.event_id))
        finally:
            self.world.forget()
