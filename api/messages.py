"""Messages between two members of an event, call by call.

What is shown of the other passes the one rule of who sees whom, as of the moment it is asked; where
that says no, the answer is that of an attendee who is not there.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post, put
from litestar.params import Parameter, QueryParameter
from msgspec import Meta, Struct, field

from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId, Limit, MemberId
from api.http.problems import documented
from api.http.request import Request
from api.reads.asking import Headers, read
from api.reads.reading import FOLDED, answer, check_exists, who_asks
from domain.errors import NotFound
from domain.flags import FlagMessage
from domain.inbox import ReadThread
from domain.messages import AN_HOUR, MOST, UNANSWERED, Messages, SendMessage
from projections.messages import questions
from projections.messages.questions import (
    COUNTED,
    EXCERPT,
    FLAGGED,
    LATEST,
    OTHERS,
    OWN_THREADS,
    TEXTS,
    THREAD,
    FlaggedAsk,
    Other,
    OthersAsk,
    TextsAsk,
    ThreadAsk,
    ThreadsAsk,
)
from projections.messages.rows import Flagged, Message, Thread

TAGS = ["Messages"]
PATH = "/api/events/{event_id:str}/messages"

With = Annotated[
    str | None,
    QueryParameter(name="with", pattern=fields.ID, description="one thread: that with this member"),
]
Before = Annotated[
    int | None,
    Parameter(ge=1, le=LATEST, description="a page's own `before`: what is earlier than that page"),
]
MessageId = Annotated[str, fields.in_path("the message")]


# To write
class MessageBody(fields.Body, frozen=True, kw_only=True):
    to: fields.Id
    text: Annotated[str, Meta(min_length=1, max_length=2000, pattern=fields.NO_CONTROL)]


class SentMessage(Struct, frozen=True):
    message_id: str
    thread_with: str
    at: datetime


@post(
    PATH,
    tags=TAGS,
    summary="Write to another member",
    description=f"At most {AN_HOUR} messages an hour, {UNANSWERED} of them to people who have "
    f"never written back, and {MOST:,} in all. Without an Idempotency-Key the same text to the "
    "same person within a minute is the same message.",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def post_message(
    request: Request, event_id: EventId, data: MessageBody
) -> Response[SentMessage]:
    principal = request.user
    command = SendMessage(
        event_id=event_id,
        member_id=principal.as_member(event_id),
        target_member_id=data.to,
        message_id=secrets.token_urlsafe(16),
        text=data.text,
        at=datetime.now(UTC),
        is_meant="idempotency-key" in request.headers,
    )
    return answered(request, await execute(request, command, principal, event_id, _sent), 201)


def _sent(command: SendMessage, state: Messages) -> bytes:
    sent = state.same(command)
    assert sent  # noqa: S101 - it was decided just now
    return msgspec.json.encode(SentMessage(sent.message_id, sent.to_member_id, sent.at))


# To read
class ThreadSummary(Struct, frozen=True, kw_only=True):
    """`from` is the author of the excerpt."""

    with_: str = field(name="with")
    name: str
    headline: str
    company: str
    avatar_url: str
    erased: Annotated[bool, Meta(description="the other was erased, and what they wrote with them")]
    from_: str = field(name="from")
    excerpt: Annotated[str, Meta(description=f"of the last message, at most {EXCERPT} characters")]
    at: datetime
    unread: int


class Threads(Struct, frozen=True):
    event_id: str
    member_id: str
    unread: Annotated[
        int, Meta(description=f"in all threads; in the latest {COUNTED} that have any, if more do")
    ]
    threads: Annotated[
        list[ThreadSummary],
        Meta(description="the latest first; of a page those are left out who are not to be seen"),
    ]
    before: Annotated[int | None, Meta(description="for the next page; null: that was all")]


class ThreadMessage(Struct, frozen=True):
    message_id: str
    position: int
    from_: str = field(name="from")
    text: str
    at: datetime
    erased: bool


class ThreadWith(Struct, frozen=True, kw_only=True):
    event_id: str
    member_id: str
    with_: str = field(name="with")
    name: str
    headline: str
    company: str
    avatar_url: str
    erased: bool
    unread: int
    messages: Annotated[list[ThreadMessage], Meta(description="of the latest ones, oldest first")]
    before: Annotated[int | None, Meta(description="for what is earlier; null: that was all")]


@get(
    PATH,
    tags=TAGS,
    summary="One's threads, the latest first; or, with `with`, one of them",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_messages(
    request: Request,
    event_id: EventId,
    with_: With = None,
    limit: Limit = 25,
    before: Before = None,
) -> Response[Threads | ThreadWith]:
    member = await who_asks(request, event_id)
    if with_ is None:
        return answer(*await _threads(request, event_id, member, limit, before or LATEST))
    ask = ThreadAsk(event_id, member, with_, limit, before or LATEST)
    found, headers = await read(request, THREAD, ask)
    if not found.other.shown and not (found.other.erased and found.has_messages):
        raise NotFound(f"There is no attendee {with_} to meet here.")
    return answer(_thread(ask, found), headers)


def _thread(ask: ThreadAsk, found: questions.OneThread) -> ThreadWith:
    messages = [
        ThreadMessage(m.message_id, m.position, m.member_id, m.text, m.at, m.erased)
        for m in reversed(found.page.rows)
    ]
    return ThreadWith(
        event_id=ask.event_id,
        member_id=ask.member_id,
        **_face(found.other),
        unread=found.unread,
        messages=messages,
        before=found.page.before,
    )


def _face(other: Other) -> dict[str, Any]:
    return {
        "with_": other.member_id,
        "name": other.name,
        "headline": other.headline,
        "company": other.company,
        "avatar_url": other.avatar_url,
        "erased": other.erased,
    }


async def _threads(
    request: Request, event_id: str, member: str, limit: int, before: int
) -> tuple[Threads, Headers]:
    own, own_headers = await read(request, OWN_THREADS, ThreadsAsk(event_id, member, limit, before))
    page = own.page.rows
    ids = dict.fromkeys(thread.other_id for thread in (*page, *own.unread))
    others, of_others = await _others(request, event_id, member, ids)
    shown = [t for t in page if _has_face(others[t.other_id])]
    texts, of_texts = await _texts(request, event_id, [(t.author_id, t.message_id) for t in shown])
    unread = sum(t.unread for t in own.unread if _has_face(others[t.other_id]))
    summaries = [_summary(t, others[t.other_id], texts) for t in shown]
    threads = Threads(event_id, member, unread, summaries, own.page.before)
    return threads, _together(own_headers, of_others, of_texts)


def _has_face(other: Other) -> bool:
    return other.shown or other.erased


def _summary(thread: Thread, other: Other, texts: dict[str, Message]) -> ThreadSummary:
    last = texts.get(thread.message_id)
    return ThreadSummary(
        **_face(other),
        from_=thread.author_id,
        excerpt=questions.excerpt(last.text) if last else "",
        at=thread.at,
        unread=thread.unread,
    )


async def _others(
    request: Request, event_id: str, member: str, ids: Iterable[str]
) -> tuple[dict[str, Other], Headers]:
    if not ids:
        return {}, {}
    return await read(request, OTHERS, OthersAsk(event_id, member, ",".join(ids)))


async def _texts(
    request: Request, event_id: str, keys: Sequence[tuple[str, str]]
) -> tuple[dict[str, Message], Headers]:
    if not keys:
        return {}, {}
    authors, messages = (",".join(ids) for ids in zip(*keys, strict=True))
    return await read(request, TEXTS, TextsAsk(event_id, authors, messages))


def _together(*answers: Headers) -> Headers:
    """The headers of an answer that is made of several: it shows what the first of them shows."""
    said = [headers for headers in answers if headers]
    position = min(int(headers["Event-Position"]) for headers in said)
    folded = FOLDED if any(headers.items() >= FOLDED.items() for headers in said) else {}
    return {"Event-Position": str(position), **folded}


class ReadBody(fields.Body, frozen=True, kw_only=True):
    until: Annotated[
        fields.Id | None, Meta(description="the last message that was seen; null: all of them")
    ] = None


@put(
    PATH + "/{member_id:str}/read",
    tags=TAGS,
    status_code=204,
    summary="Mark what a member has written as read",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def put_read(
    request: Request, event_id: EventId, member_id: MemberId, data: ReadBody | None = None
) -> Response[None]:
    principal = request.user
    command = ReadThread(
        event_id=event_id,
        member_id=principal.as_member(event_id),
        with_member_id=member_id,
        until=data.until if data else None,
    )
    return answered(request, await execute(request, command, principal, event_id), status=204)


# To report
class ReportBody(fields.Body, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(min_length=1, max_length=1000, pattern=fields.NO_CONTROL)]


@post(
    PATH + "/{message_id:str}/report",
    tags=TAGS,
    status_code=204,
    summary="Report a message that one got to the organizers, once",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def post_report(
    request: Request, event_id: EventId, message_id: MessageId, data: ReportBody
) -> Response[None]:
    principal = request.user
    command = FlagMessage(
        event_id=event_id,
        member_id=principal.as_member(event_id),
        message_id=message_id,
        reason=data.reason,
    )
    return answered(request, await execute(request, command, principal, event_id), status=204)


class Report(Struct, frozen=True):
    """`by` has reported what `author` wrote."""

    message_id: str
    by: str
    author: str
    text: Annotated[str, Meta(description="of the reported message, and of no other")]
    reason: str
    at: datetime


class Reports(Struct, frozen=True):
    event_id: str
    reports: Annotated[list[Report], Meta(description="the latest first")]
    before: Annotated[int | None, Meta(description="for the next page; null: that was all")]


@get(
    "/api/events/{event_id:str}/reports",
    tags=TAGS,
    summary="Messages that were reported, for organizers",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_reports(
    request: Request, event_id: EventId, limit: Limit = 25, before: Before = None
) -> Response[Reports]:
    request.user.as_organizer(event_id)
    await check_exists(request, event_id)
    page, headers = await read(request, FLAGGED, FlaggedAsk(event_id, limit, before or LATEST))
    keys = [(f.author_id, f.message_id) for f in page.rows]
    texts, of_texts = await _texts(request, event_id, keys)
    reports = [_report(f, texts.get(f.message_id)) for f in page.rows]
    return answer(Reports(event_id, reports, page.before), _together(headers, of_texts))


def _report(flagged: Flagged, message: Message | None) -> Report:
    return Report(
        flagged.message_id,
        flagged.member_id,
        flagged.author_id,
        message.text if message else "",
        flagged.reason,
        flagged.at,
    )


ROUTES: Any = (post_message, get_messages, put_read, post_report, get_reports)
