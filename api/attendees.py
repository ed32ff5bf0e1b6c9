"""Profiles of attendees: written by themselves, and read by those who may see them."""

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, put
from msgspec import Meta, Struct

from api.directory import PATH, TAGS, Card, card, index_of, matched
from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId, MemberId
from api.http.problems import documented
from api.http.request import Request
from api.reads.asking import read
from api.reads.reading import answer, who_asks
from domain.attendees import Attendee, Profile, SaveProfile
from domain.errors import NotFound
from projections.attendees.rows import Attendee as Row
from projections.attendees.visibility import PROFILE, ProfileAsk


class ProfileBody(fields.Body, frozen=True, kw_only=True):
    name: fields.Name
    headline: fields.Line = ""
    company: fields.Line = ""
    role: fields.Line = ""
    avatar_url: fields.Image = ""
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
    PATH + "/{member_id:str}",
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


class HowMet(Struct, frozen=True):
    """The asker's own acts towards them."""

    viewed: bool
    messaged: bool
    synced: bool


class ShownProfile(Card, frozen=True, kw_only=True):
    event_id: str
    interests: tuple[str, ...]
    industries: tuple[str, ...]
    focus_areas: tuple[str, ...]
    goals: tuple[str, ...]
    offers: tuple[str, ...]
    seeks: tuple[str, ...]
    visibility: Annotated[
        Literal["listed", "hidden"] | None, Meta(description="one's own; null: another's")
    ]
    on_leaderboard: Annotated[bool | None, Meta(description="one's own; null: another's")]
    met: HowMet
    sync: None = None


@get(
    PATH + "/{member_id:str}",
    tags=TAGS,
    summary="A profile, as the asker may see it; one's own also while it is hidden",
    description="Whoever is hidden, or blocks the asker or is blocked, is as one who is not there.",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_attendee(
    request: Request, event_id: EventId, member_id: MemberId
) -> Response[ShownProfile]:
    member = await who_asks(request, event_id)
    other = member if member_id.lower() == "me" else member_id
    ask = ProfileAsk(event_id, member, other)
    (seen, headers), index = await asyncio.gather(
        read(request, PROFILE, ask), index_of(request, ask)
    )
    if seen is None:
        raise NotFound(f"There is no attendee {other} to meet here.")
    rarity = index.rarity(index.seen(member))
    shown = card(event_id, seen.attendee, matched(seen.you, seen.attendee, rarity))
    tags = {name: getattr(seen.attendee, name) for name in LISTS}
    met = HowMet(seen.met.viewed, seen.met.messaged, seen.met.synced)
    said = ShownProfile(
        **msgspec.structs.asdict(shown),
        **tags,
        **_choices(seen.attendee, is_own=other == member),
        event_id=event_id,
        met=met,
    )
    return answer(said, headers)


def _choices(attendee: Row, *, is_own: bool) -> dict[str, Any]:
    """How one wants to be shown, which concerns nobody else."""
    visibility = "listed" if attendee.listed else "hidden"
    chosen = {"visibility": visibility, "on_leaderboard": attendee.on_leaderboard}
    return chosen if is_own else dict.fromkeys(chosen)


LISTS = ("interests", "industries", "focus_areas", "goals", "offers", "seeks")
ROUTES = (put_attendee, get_attendee)
