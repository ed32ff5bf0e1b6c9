"""Lists of attendees, in and out again, and their e-mail addresses: for organizers."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter, QueryParameter
from msgspec import Struct
from multipart import parse_options_header  # type: ignore[import-untyped]

from api.executing import answered, key_of
from api.http.fields import EventId, MemberId
from api.http.problems import documented
from api.http.request import Request
from api.http.uploads import uploaded
from api.reads.asking import read as ask
from api.reads.reading import answer, check_exists, is_recorded, minimum
from api.services import services
from domain.errors import NotFound, Unavailable
from domain.store.writer import Author, Outcome
from projections.attendees.addresses import ADDRESS
from projections.engine import event_log
from projections.question import MemberAsk
from workers import telemetry
from workers.attendees import importing
from workers.attendees.decoding import BYTES, UTF_8, encoding
from workers.attendees.export import exported
from workers.attendees.importing import File
from workers.attendees.reading import read
from workers.attendees.report import ImportReport

PATH = "/api/events/{event_id:str}/attendees"
TAGS = ["Attendees"]
READER = ThreadPoolExecutor(1, "attendees")  # one at a time: a large file is much work

# Not `bool`, of which the framework takes `1`, `on` and the like too.
Flag = Literal["true", "false"]
Strict = Annotated[Flag, Parameter(description="all rows or none: 400 says which rows are wrong")]
DryRun = Annotated[Flag, Parameter(description="says what would be done, and records nothing")]
Encoding = Annotated[
    Literal["utf-8", "windows-1252"] | None,
    QueryParameter(
        name="encoding", description="absent: the charset of the Content-Type, else utf-8"
    ),
]


class MemberAddress(Struct, frozen=True):
    event_id: str
    member_id: str
    email: str


@post(
    PATH + "/import",
    tags=TAGS,
    status_code=200,
    request_max_body_size=BYTES,
    summary="Import a list of attendees, of which a later one changes only what it says",
    description="The body is the file as it is, or a form with it: pretix's export of order "
    "positions, another CSV file with a header, or a JSON list of objects with the same fields. A "
    "row is one person, by `member_id` or `email`. Who is known is changed in those columns alone "
    "that the file has, and an empty cell changes nothing. Of two rows of one person, the later "
    f"counts. At most {BYTES:,} bytes. An import that was cut off goes on with the same file.",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def post_attendee_import(
    request: Request,
    event_id: EventId,
    strict: Strict = "false",
    dry_run: DryRun = "false",
    said_encoding: Encoding = None,
) -> Response[ImportReport]:
    principal = request.user
    principal.as_organizer(event_id)
    await check_exists(request, event_id)
    file = await _file(request, said_encoding)
    url, key = services(request).database_url, await key_of(request, principal)
    if dry_run == "true":
        return answered(request, _outcome(await importing.dry_run(file, event_id, url), 0))
    with telemetry.span("ImportAttendees") as trace:
        report, position = await importing.run(
            file,
            event_id,
            history=services(request).history,
            by=Author(principal.sub, event_id, trace),
            database_url=url,
            strict=strict == "true",
            key=key,
        )
    return answered(request, _outcome(report, position))


async def _file(request: Request, said: str | None) -> File:
    content_type = request.headers.get("content-type", "")
    media_type, options = parse_options_header(content_type)
    of_body = options.get("charset") if media_type != "multipart/form-data" else None
    name = encoding(said or of_body or UTF_8)
    data = uploaded(content_type, await request.body())
    loop = asyncio.get_running_loop()
    return File(data, await loop.run_in_executor(READER, read, data, name))


def _outcome(report: ImportReport, position: int) -> Outcome:
    return Outcome(position, msgspec.json.encode(report))


@get(
    PATH + ".csv",
    tags=TAGS,
    media_type="text/csv",
    summary="All attendees as CSV, which imports again without a change",
    description="Cells that a spreadsheet would take for a formula begin with an apostrophe, which "
    "an import takes away again.",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_attendees_csv(request: Request, event_id: EventId) -> Response[bytes]:
    request.user.as_organizer(event_id)
    await check_exists(request, event_id)
    async with services(request).pool.connection() as connection:
        end = await event_log.end(connection)
    if end < minimum(request) and not await is_recorded(request):
        raise Unavailable(f"Position {minimum(request)} is not here yet.")
    content = await exported(event_id, services(request).database_url)
    headers = {
        "Event-Position": str(end),
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="attendees-{event_id}.csv"',
    }
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@get(
    PATH + "/{member_id:str}/address",
    tags=TAGS,
    summary="An attendee's e-mail address, for organizers",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_attendee_address(
    request: Request, event_id: EventId, member_id: MemberId
) -> Response[MemberAddress]:
    request.user.as_organizer(event_id)
    await check_exists(request, event_id)
    found, headers = await ask(request, ADDRESS, MemberAsk(event_id, member_id))
    if found is None:
        raise NotFound(f"There is no e-mail address of {member_id} here.")
    return answer(MemberAddress(event_id, member_id, found.email), headers)


ROUTES: Any = (post_attendee_import, get_attendees_csv, get_attendee_address)
