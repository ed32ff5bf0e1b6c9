"""The acts of a proof: each as a request, as a command, and as the event that follows.

An act sets one thing of one stream to a value. So the acts that were acknowledged, in their order,
say what a stream must hold, without any rule of the product.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from domain.agenda import AgendaItemChanged, ScheduleItem
from domain.agenda_items import AgendaItem
from domain.aggregate import Command, Recorded, StreamName, stream
from domain.attendees import Profile, SaveProfile
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.missions import (
    CompleteMission,
    OnMission,
    ResetMission,
    StartMission,
)
from domain.reports import AttendeeViewed, RecordTelemetry
from domain.stars import SessionStarred, SessionUnstarred, StarSession, UnstarSession
from projections.missions.rows import standing

POINTS = {f"mission_{i}": 10 * i for i in range(1, 5)}
MISSIONS = tuple(POINTS)
ITEMS = tuple(f"session_{i}" for i in range(3))
HALLS = ("Hall 0", "Hall 1", "Hall 2")
TARGET = "target"
PROBE = "probe"
STATUSES: Mapping[str, type[OnMission]] = {
    "not_started": ResetMission,
    "in_progress": StartMission,
    "completed": CompleteMission,
}
NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
TEN = datetime(2026, 9, 1, 10, tzinfo=UTC)
# Weights of a member's acts; organizers move sessions.
OFTEN = {"mission": 7, "star": 2, "view": 1}


class Act(Struct, frozen=True):
    """`member` sets `what` to `to`. `what` is a mission, a session, or the time of a profile
    view: of those of a day one is recorded."""

    kind: str
    member: str
    what: str
    to: str

    def stream(self, event_id: str) -> StreamName:
        capability = {"star": "stars", "move": "agenda", "view": "reports"}.get(
            self.kind, "missions"
        )
        return stream(capability, event_id, *([self.member] if self.kind != "move" else []))


def initial(kind: str) -> str:
    """The value of a thing before the first act."""
    return {"mission": "not_started", "star": "off", "view": "", "move": HALLS[0]}[kind]


def preparations(event_id: str) -> list[Command]:
    missions = tuple(Mission(i, i, "", points, "Proof") for i, points in POINTS.items())
    target = Profile(name=TARGET)
    return [
        AnnounceConference(event_id=event_id, name="A proof", timezone="UTC"),
        PublishCatalogue(event_id=event_id, missions=missions),
        SaveProfile(event_id=event_id, member_id=TARGET, profile=target),
        *(ScheduleItem(event_id=event_id, item=_item(i, HALLS[0])) for i in ITEMS),
    ]


def random_act(random: Random, member: str, organizes: bool) -> Act:
    if organizes:
        return Act("move", member, random.choice(ITEMS), random.choice(HALLS))
    (kind,) = random.choices([*OFTEN], [*OFTEN.values()])
    match kind:
        case "mission":
            return Act(kind, member, random.choice(MISSIONS), random.choice([*STATUSES]))
        case "star":
            return Act(kind, member, random.choice(ITEMS), random.choice(["on", "off"]))
    day = NINE - timedelta(days=random.randrange(10_000))
    return Act(kind, member, day.isoformat(), "on")


# As a request
def request(act: Act, event_id: str) -> tuple[str, str, bytes]:
    """Method, path and body."""
    at = f"/api/events/{event_id}"
    match act.kind:
        case "mission":
            return "PATCH", f"{at}/missions/{act.what}", _json(status=act.to)
        case "star":
            method = "PUT" if act.to == "on" else "DELETE"
            return method, f"{at}/sessions/{act.what}/star", b""
        case "move":
            item = msgspec.structs.asdict(_item(act.what, act.to))
            del item["id"]
            return "PUT", f"{at}/agenda/{act.what}", _json(**item)
    view = {"action": "view_profile", "target_member_id": TARGET, "ts": act.what}
    return "POST", f"{at}/missions/meet_attendees/telemetry", _json(**view)


def _json(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


def _item(item_id: str, hall: str) -> AgendaItem:
    return AgendaItem(item_id, item_id, NINE, TEN, location=hall)


# As a command
def command(act: Act, event_id: str) -> Command:
    match act.kind:
        case "mission":
            kind = STATUSES[act.to]
            return kind(event_id=event_id, member_id=act.member, mission_id=act.what)
        case "star":
            click = StarSession if act.to == "on" else UnstarSession
            return click(event_id=event_id, member_id=act.member, item_id=act.what)
        case "move":
            return ScheduleItem(event_id=event_id, item=_item(act.what, act.to))
    return RecordTelemetry(
        event_id=event_id,
        member_id=act.member,
        action="view_profile",
        target_member_id=TARGET,
        ts=datetime.fromisoformat(act.what),
    )


# As an event
def set_by(recorded: Recorded) -> tuple[str, str] | None:
    """The thing that an event sets and its value; None for an event of no act."""
    match recorded.event:
        case SessionStarred(item_id=item_id):
            return item_id, "on"
        case SessionUnstarred(item_id=item_id):
            return item_id, "off"
        case AgendaItemChanged(item=item):
            return item.id, item.location
        case AttendeeViewed(ts=ts):
            return ts.isoformat(), "on"
    moved = standing(recorded.event)
    return moved[:2] if moved else None
