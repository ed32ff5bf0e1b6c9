"""A secret link to one's personal agenda, for calendar programs, which cannot sign in."""

import hashlib
import hmac
import secrets
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, put
from litestar.params import Parameter
from msgspec import Struct
from msgspec.structs import replace

from api.executing import answered, execute
from api.formats import ical
from api.http.fields import OF_LINK, EventId, MemberId, OfMember
from api.http.problems import UNCHANGED, documented
from api.http.request import Request
from api.reads.asking import read, read_log
from api.reads.reading import answer, who_asks
from api.schedule import respond_as_calendar
from api.services import services
from api.sessions import PATH, TAGS
from domain.calendar_links import CalendarLink, OnLink, OpenCalendarLink, RevokeCalendarLink
from domain.errors import NotFound
from projections.engine.reading import answer_from_log
from projections.question import MemberAsk
from projections.sessions.calendar import LINK_DIGEST, STARRED_AGENDA
from projections.syncs.questions import (
    ALWAYS,
    APPOINTMENTS,
    NAMED,
    SYNC_PEOPLE,
    SYNC_TEXTS,
    Other,
    SyncPeopleAsk,
    SyncTextsAsk,
    TimesAsk,
)
from projections.syncs.rows import MemberSync, SyncText


class Link(Struct, frozen=True):
    """The path is said once, by the call that opens the link: nobody here can know it later. Who
    has lost it revokes the link, and opens another."""

    event_id: str
    member_id: str
    open: bool
    path: str | None = None


@get(
    PATH + "/calendar-link",
    tags=TAGS,
    summary="Whether a secret link to one's personal agenda is open; its path is not said",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_calendar_link(
    request: Request, event_id: EventId, member_id: OfMember = None
) -> Response[Link]:
    member = await who_asks(request, event_id, member_id)
    digest, headers = await read_log(request, LINK_DIGEST, MemberAsk(event_id, member))
    return answer(Link(event_id, member, open=digest is not None), headers)


@put(
    PATH + "/calendar-link",
    tags=TAGS,
    summary="Open a secret link to one's personal agenda as iCalendar",
    description="There is one at most, which lasts until it is revoked: where one is open, it "
    "stays, and its path is not said again.",
    responses=documented(400, 401, 403, 404, 409, 429, 503),
)
async def put_calendar_link(request: Request, event_id: EventId) -> Response[Link]:
    member = request.user.as_member(event_id)
    secret = secrets.token_urlsafe(32)
    command = OpenCalendarLink(event_id=event_id, member_id=member, digest=_digest(secret))
    outcome = await execute(request, command, request.user, event_id, _said)
    if outcome.events:  # what is kept for an Idempotency-Key has no secret in it
        path = f"/api/events/{event_id}/members/{member}/agenda.ics?secret={secret}"
        link = Link(event_id, member, open=True, path=path)
        outcome = replace(outcome, reply=msgspec.json.encode(link))
    return answered(request, outcome)


@delete(
    PATH + "/calendar-link",
    tags=TAGS,
    status_code=200,
    summary="Revoke that link: it opens nothing any more",
    responses=documented(400, 401, 403, 404, 409, 429, 503),
)
async def delete_calendar_link(
    request: Request, event_id: EventId, member_id: OfMember = None
) -> Response[Link]:
    member = request.user.as_member(event_id, member_id)
    command = RevokeCalendarLink(event_id=event_id, member_id=member)
    return answered(request, await execute(request, command, request.user, event_id, _said))


def _said(command: OnLink, link: CalendarLink) -> bytes:
    is_open = link.digest is not None
    return msgspec.json.encode(Link(command.event_id, command.member_id, is_open))


@get(
    PATH + "/members/{member_id:str}/agenda.ics",
    tags=TAGS,
    media_type=ical.MEDIA_TYPE,
    security=[{}],
    summary="A personal agenda as iCalendar, to whoever has the secret link",
    responses={304: UNCHANGED, **documented(400, 404, 429, 503)},
)
async def get_agenda_ics(
    request: Request,
    event_id: EventId,
    member_id: MemberId,
    secret: Annotated[str, Parameter(pattern=OF_LINK, description="as in the link")],
) -> Response[bytes | None]:
    at_home, ask = services(request), MemberAsk(event_id, member_id)
    at_home.identity.count_link(request, _digest(secret))
    async with at_home.links_pool.connection() as connection:
        _, digest = await answer_from_log(connection, LINK_DIGEST, ask)
    if digest is None or not hmac.compare_digest(digest, _digest(secret)):
        raise NotFound("This link opens no agenda, or no longer.")
    return await respond_as_calendar(
        request,
        STARRED_AGENDA,
        ask,
        lambda own: f"{own.agenda.event_name}: my agenda",
        await _meetings(request, ask),
    )


async def _meetings(request: Request, ask: MemberAsk) -> list[ical.Meeting]:
    """Syncs that were accepted; cancelled ones stay as cancelled. Their others are named as far as
    they may be seen."""
    times = TimesAsk(ask.event_id, ask.member_id, *ALWAYS)
    rows, _ = await read(request, APPOINTMENTS, times)
    meetings: list[ical.Meeting] = []
    for some in (rows[first : first + NAMED] for first in range(0, len(rows), NAMED)):
        ids = ",".join(dict.fromkeys(row.other_id for row in some))
        others, _ = await read(
            request, SYNC_PEOPLE, SyncPeopleAsk(ask.event_id, ask.member_id, ids)
        )
        syncs = SyncTextsAsk(ask.event_id, ",".join(row.sync_id for row in some))
        texts, _ = await read(request, SYNC_TEXTS, syncs)
        meetings += [_meeting(row, others[row.other_id], texts.get(row.sync_id)) for row in some]
    return meetings


def _meeting(row: MemberSync, other: Other, text: SyncText | None) -> ical.Meeting:
    is_seen = other.shown or other.erased
    return ical.Meeting(
        f"sync-{row.sync_id}@{row.event_id}",
        row.sequence,
        row.changed_at,
        row.start or row.until,
        row.end,
        row.status != "accepted",
        f"Sync with {other.name}" if is_seen else "Sync",
        text.note if text and is_seen else "",
        text.place if text and not other.apart else "",
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


ROUTES: Any = (get_calendar_link, put_calendar_link, delete_calendar_link)
WITH_LINK: Any = (get_agenda_ics,)
