"""The catalogue of missions that a conference offers."""

from collections.abc import Mapping
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import ClassVar

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import Invalid, NotFound

RESERVED = frozenset({"history"})


class Mission(Struct, frozen=True):
    id: str
    title: str
    description: str
    points: int
    category: str
    active: bool = True
    requires: tuple[str, ...] = ()


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class CataloguePublished(Struct, frozen=True):
    missions: tuple[Mission, ...]


class Catalogue(Struct, frozen=True):
    missions: Mapping[str, Mission] = {}

    def active(self, mission_id: str) -> Mission | None:
        mission = self.missions.get(mission_id)
        return mission if mission and mission.active else None


class PublishCatalogue(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "catalogue"
    event_id: str
    missions: tuple[Mission, ...]
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id,)

    def given(self) -> dict[str, StreamName]:
        return {"conference": stream("conference", self.event_id)}


def decide_catalogue(command: PublishCatalogue, state: Catalogue) -> tuple[CataloguePublished, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    if command.missions == tuple(state.missions.values()):
        return ()  # also one that an earlier version took, and this one would not
    check(command.missions)
    return (CataloguePublished(command.missions),)


def check(missions: tuple[Mission, ...]) -> None:
    """Raises Invalid where an id comes twice, or `requires` names nobody, goes in a circle, or is
    of an active mission and names one that is not: the former would stay locked."""
    requires = {mission.id: mission.requires for mission in missions}
    first = {mission.id: i for i, mission in reversed([*enumerate(missions)])}
    wrong = [
        (f"$[{i}].id", f"{mission.id} comes twice")
        for i, mission in enumerate(missions)
        if first[mission.id] < i
    ]
    wrong += [
        (f"$[{i}].requires[{j}]", f"there is no mission {needed} in this catalogue")
        for i, mission in enumerate(missions)
        for j, needed in enumerate(mission.requires)
        if needed not in requires
    ]
    active = {mission.id for mission in missions if mission.active}
    wrong += [
        (f"$[{i}].requires[{j}]", f"{needed} is not active, so {mission.id} would stay locked")
        for i, mission in enumerate(missions)
        for j, needed in enumerate(mission.requires)
        if mission.active and needed in requires and needed not in active
    ]
    wrong += [
        (f"$[{i}].id", f"{mission.id} is the name of another resource beside the missions")
        for i, mission in enumerate(missions)
        if mission.id in RESERVED
    ]
    if not wrong:
        wrong = [
            (f"$[{first[name]}].requires", f"{name} would wait for itself")
            for name in sorted(_circle(requires), key=first.__getitem__)
        ]
    if wrong:
        raise Invalid("", *wrong)


def _circle(requires: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """One, where there are several."""
    try:
        TopologicalSorter(requires).prepare()
    except CycleError as e:
        return frozenset(e.args[1])
    return frozenset()


def evolve_catalogue(state: Catalogue, event: CataloguePublished, at: datetime) -> Catalogue:
    return Catalogue({mission.id: mission for mission in event.missions})


CATALOGUE = Aggregate(
    name="catalogue",
    initial=Catalogue(),
    events=(CataloguePublished,),
    decide=decide_catalogue,
    evolve=evolve_catalogue,
)
