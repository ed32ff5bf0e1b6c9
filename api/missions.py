"""The mission board, call by call."""

import logging
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, patch, post, put
from litestar.params import Parameter
from msgspec import Meta, Struct

from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId, Limit, MissionId, OfMember
from api.http.problems import documented
from api.http.request import Request
from api.mission_metrics import count_completed
from api.reads.as_of import AsOf, respond_as_of
from api.reads.asking import respond
from api.reads.reading import who_asks
from domain.catalogues import Catalogue, Mission, PublishCatalogue
from domain.errors import NotFound, Problem
from domain.meeting import MEET_ATTENDEES, Action
from domain.missions import (
    Board,
    CompleteMission,
    OnMission,
    ResetMission,
    StartMission,
    Status,
)
from domain.reports import RecordTelemetry
from projections.missions import leaderboard as leaders
from projections.missions import questions as boards
from projections.missions.rows import Progress
from projections.question import MemberAsk

log = logging.getLogger(__name__)

TAGS = ["Missions"]
PATH = "/api/events/{event_id:str}/missions"

COMMANDS: dict[Status, type[OnMission]] = {
    "not_started": ResetMission,
    "in_progress": StartMission,
    "completed": CompleteMission,
}


class MissionBody(fields.Body, frozen=True, kw_only=True):
    id: fields.Id
    title: fields.Name
    description: fields.Text
    points: Annotated[int, Meta(ge=0, le=1_000_000)]
    category: fields.Line
    active: bool = True
    requires: Annotated[
        tuple[fields.Id, ...],
        Meta(
            max_length=100,
            description="missions of this catalogue that come first; of an active one active ones",
        ),
    ] = ()


CatalogueBody = Annotated[list[MissionBody], Meta(max_length=500)]


class Published(Struct, frozen=True):
    event_id: str
    missions: tuple[Mission, ...]


@put(
    PATH,
    tags=TAGS,
    summary="The whole catalogue",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def put_missions(
    request: Request, event_id: EventId, data: CatalogueBody
) -> Response[Published]:
    principal = request.user
    principal.as_organizer(event_id)
    missions = tuple(Mission(**msgspec.structs.asdict(body)) for body in data)
    command = PublishCatalogue(event_id=event_id, missions=missions)
    return answered(request, await execute(request, command, principal, event_id, _published))


def _published(command: PublishCatalogue, state: Catalogue) -> bytes:
    return msgspec.json.encode(Published(command.event_id, command.missions))


@get(
    PATH,
    tags=TAGS,
    summary="A member's board, now or as it was",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_missions(
    request: Request,
    event_id: EventId,
    member_id: OfMember = None,
    as_of: AsOf = None,
) -> Response[boards.Board]:
    ask = MemberAsk(event_id, await who_asks(request, event_id, member_id))
    if as_of is not None:
        return await respond_as_of(request, boards.BOARD, ask, as_of)
    return await respond(request, boards.BOARD, ask)


class StatusBody(fields.Body, frozen=True, kw_only=True):
    status: Status


class MissionState(Struct, frozen=True):
    id: str
    status: Literal["not_started", "in_progress", "completed", "locked"]
    points_earned: int
    updated_at: datetime | None


class Patched(Struct, frozen=True):
    mission: MissionState
    progress: Progress


@patch(
    PATH + "/{mission_id:str}",
    tags=TAGS,
    summary="Start, complete or reset a mission",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def patch_mission(
    request: Request, event_id: EventId, mission_id: MissionId, data: StatusBody
) -> Response[Patched]:
    principal = request.user
    member = principal.as_member(event_id)
    command = COMMANDS[data.status](event_id=event_id, member_id=member, mission_id=mission_id)
    line: dict[str, Any] = {"event_id": event_id, "member_id": member, "mission_id": mission_id}
    try:
        outcome = await execute(request, command, principal, event_id, _patched)
    except Problem as problem:
        log.info("mission not patched", extra=line | {"status": problem.status})
        raise
    count_completed(outcome.events)
    prior = outcome.before.standing(mission_id).status if outcome.before else None
    line |= {"prior_status": prior, "new_status": data.status, "tx_id": outcome.position}
    line |= {"repeated": outcome.repeated, "changed": bool(outcome.events)}
    log.info("mission patched", extra=line)
    return answered(request, outcome)


def _patched(command: OnMission, state: Board) -> bytes:
    shown = boards.board(
        command.event_id, command.member_id, command.catalogue.missions.values(), state.standings
    )
    mission = next(m for m in shown.missions if m.id == command.mission_id)
    said = MissionState(mission.id, mission.status, mission.points_earned, mission.updated_at)
    return msgspec.json.encode(Patched(said, shown.progress))


@get(
    PATH + "/history",
    tags=TAGS,
    summary="Where a member's points came from",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_history(
    request: Request, event_id: EventId, member_id: OfMember = None, as_of: AsOf = None
) -> Response[boards.Ledger]:
    ask = MemberAsk(event_id, await who_asks(request, event_id, member_id))
    if as_of is not None:
        return await respond_as_of(request, boards.HISTORY, ask, as_of)
    return await respond(request, boards.HISTORY, ask)


@get(
    "/api/events/{event_id:str}/leaderboard",
    tags=TAGS,
    summary="Who has most points; with equal points, who reached them first",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_leaderboard(
    request: Request, event_id: EventId, limit: Limit = 10, as_of: AsOf = None
) -> Response[leaders.Leaderboard]:
    ask = leaders.LeaderboardAsk(event_id, await who_asks(request, event_id), limit)
    if as_of is not None:
        return await respond_as_of(request, leaders.PAST_LEADERBOARD, ask, as_of)
    return await respond(request, leaders.LEADERBOARD, ask)


MeetAttendees = Annotated[
    str, Parameter(pattern=fields.ID, schema_extra={"enum": [MEET_ATTENDEES]})
]


class TelemetryBody(fields.Body, frozen=True, kw_only=True):
    action: Action
    target_member_id: fields.Id
    ts: fields.Moment
    dwell_ms: Annotated[int, Meta(ge=0, le=86_400_000, description="milliseconds there")] = 0


@post(
    PATH + "/{mission_id:str}/telemetry",  # a word here would hide this mission from PATCH
    tags=TAGS,
    status_code=204,
    summary="What a member did on another's profile",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def post_telemetry(
    request: Request,
    event_id: EventId,
    mission_id: MeetAttendees,
    data: TelemetryBody,
) -> Response[None]:
    principal = request.user
    if mission_id != MEET_ATTENDEES:
        raise NotFound(f"Mission {mission_id} takes no telemetry.")
    command = RecordTelemetry(
        event_id=event_id,
        member_id=principal.as_member(event_id),
        action=data.action,
        target_member_id=data.target_member_id,
        ts=data.ts,
        dwell_ms=data.dwell_ms,
    )
    outcome = await execute(request, command, principal, event_id)
    count_completed(outcome.events)
    return answered(request, outcome, status=204)


ROUTES: Any = (
    put_missions,
    get_missions,
    patch_mission,
    get_history,
    get_leaderboard,
    post_telemetry,
)
