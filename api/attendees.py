"""Profiles of attendees: `PUT /api/events/{event_id}/attendees/{member_id}`."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, put
from msgspec import Meta

from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId, MemberId
from api.http.problems import documented
from api.http.request import Request
from domain.attendees import Attendee, Profile, SaveProfile

TAGS = ["Attendees"]


class ProfileBody(fields.Body, frozen=True, kw_only=True):
    name: fields.Name
    headline: fields.Line = ""
    company: fields.Line = ""
    role: fields.Line = ""
    avatar_url: fields.Url = ""
    interests: fields.Tags = ()
    industries: fields.Tags = ()
    focus_areas: fields.Tags = ()
    goals: fields.Tags = ()
    offers: fields.Tags = ()
    seeks: fields.Tags = ()
    visibility: Annotated[
        Literal["listed", "hidden"], Meta(description="hidden: nowhere shown, to nobody")
    ] = "listed"
    on_leaderboard: Annotated[bool, Meta(description="false: earns, but is not shown there")] = True


class SavedProfile(Profile, frozen=True, kw_only=True):
    event_id: str
    member_id: str


@put(
    "/api/events/{event_id:str}/attendees/{member_id:str}",
    tags=TAGS,
    summary="Register an attendee, or change their profile; members may write their own",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def put_attendee(
    request: Request, event_id: EventId, member_id: MemberId, data: ProfileBody
) -> Response[SavedProfile]:
    principal = request.user
    member = principal.as_member(event_id, member_id)
    profile = Profile(**msgspec.structs.asdict(data))
    command = SaveProfile(event_id=event_id, member_id=member, profile=profile)
    return answered(request, await execute(request, command, principal, event_id, _saved))


def _saved(command: SaveProfile, state: Attendee) -> bytes:
    ids: dict[str, Any] = {"event_id": command.event_id, "member_id": command.member_id}
    return msgspec.json.encode(SavedProfile(**msgspec.structs.asdict(command.profile), **ids))


ROUTES = (put_attendee,)
