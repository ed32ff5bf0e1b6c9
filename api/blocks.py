"""Whom a member blocks: neither sees the other anywhere any more, and nobody is told."""

from typing import Annotated, Any

from litestar import Response, delete, get, put
from msgspec import Struct

from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId
from api.http.problems import documented
from api.http.request import Request
from api.reads.asking import read
from api.reads.reading import answer, who_asks
from domain.blocks import MOST, BlockMember, UnblockMember
from projections.attendees.visibility import MINE
from projections.question import MemberAsk

TAGS = ["Attendees"]
PATH = "/api/events/{event_id:str}/blocks"

Other = Annotated[str, fields.in_path("the other member, there or not")]


class Blocked(Struct, frozen=True):
    event_id: str
    member_id: str
    blocks: list[str]


@put(
    PATH + "/{member_id:str}",
    tags=TAGS,
    status_code=204,
    summary="Block a member: neither of the two sees the other any more",
    description="The answer is the same whether there is such a member or not, and the other is "
    f"not told. A member blocks at most {MOST:,} at one event.",
    responses=documented(400, 401, 403, 404, 409, 429, 503),
)
async def put_block(request: Request, event_id: EventId, member_id: Other) -> Response[None]:
    return await _on_block(request, BlockMember, event_id, member_id)


@delete(
    PATH + "/{member_id:str}",
    tags=TAGS,
    status_code=204,
    summary="Block a member no more; who is blocked by the other stays so",
    responses=documented(400, 401, 403, 404, 409, 429, 503),
)
async def delete_block(request: Request, event_id: EventId, member_id: Other) -> Response[None]:
    return await _on_block(request, UnblockMember, event_id, member_id)


async def _on_block(
    request: Request, kind: type[BlockMember | UnblockMember], event_id: str, other: str
) -> Response[None]:
    principal = request.user
    member = principal.as_member(event_id)
    command = kind(event_id=event_id, member_id=member, blocked_member_id=other)
    return answered(request, await execute(request, command, principal, event_id), status=204)


@get(
    PATH,
    tags=TAGS,
    summary="Whom one blocks oneself, in the order of their ids",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_blocks(request: Request, event_id: EventId) -> Response[Blocked]:
    """Nobody reads another's, organizers neither."""
    member = await who_asks(request, event_id)
    mine, headers = await read(request, MINE, MemberAsk(event_id, member))
    return answer(Blocked(event_id, member, sorted(mine.blocks)), headers)


ROUTES: Any = (put_block, delete_block, get_blocks)
