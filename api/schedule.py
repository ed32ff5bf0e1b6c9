"""A whole schedule in, and the agenda out again, call by call."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter
from msgspec.structs import asdict

from api.executing import answered, execute
from api.formats import ical
from api.formats.frab import ScheduleFile, schedule_file
from api.http import fields
from api.http.fields import EventId
from api.http.problems import UNCHANGED, documented
from api.http.request import Request
from api.http.uploads import uploaded
from api.reads.asking import read
from api.reads.reading import answer, has_header, is_known, who_asks
from api.services import services
from api.sessions import PATH, TAGS, event_zone
from domain.agenda import Agenda, Counts, ImportSchedule, counted, odd
from projections.engine.ground import ground
from projections.question import Ask, AskT, Own
from projections.sessions import calendar, questions
from projections.sessions.calendar import WHOLE_AGENDA
from projections.sessions.questions import Programme
from workers import schedules
from workers.schedules import Odd
from workers.schedules.archives import BYTES

LARGEST_SCHEDULE = BYTES  # as it comes; what it unpacks to has the same bound
# By which a tag is another once what makes a calendar of rows is: the text of these modules.
MADE_BY = (ical.__file__, calendar.__file__, questions.__file__)
FORM = hashlib.sha256(b"".join(Path(file).read_bytes() for file in MADE_BY)).hexdigest()
READER = ThreadPoolExecutor(1, "schedules")  # one at a time: a large file is much work


class Imported(Counts, frozen=True, kw_only=True):
    """`odd` is what was taken otherwise than it was written, and where."""

    event_id: str
    source: str
    odd: tuple[Odd, ...]


Source = Annotated[
    str | None,
    Parameter(
        min_length=1,
        max_length=200,
        pattern=fields.NO_CONTROL,
        description="revisions of one source know each other by this; absent: by the file's name "
        "of the conference",
    ),
]


@post(
    PATH + "/schedule",
    tags=TAGS,
    status_code=200,
    request_max_body_size=LARGEST_SCHEDULE,
    summary="Import a schedule, of which a later revision changes only what changed",
    description="The body is the file as it is: schedule.xml or schedule.json as frab, pretalx, "
    "FOSDEM and CCC publish it, pretalx's API, Open Event, Sessionize, or a list of sessions; also "
    f"in gzip, xz, tar or zip. At most {LARGEST_SCHEDULE:,} bytes, packed and unpacked. A form "
    "with one file (`curl -F`) does as well; else the Content-Type does not matter. A file that is "
    "broken changes nothing.",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def post_schedule(
    request: Request, event_id: EventId, source: Source = None
) -> Response[Imported]:
    principal = request.user
    principal.as_organizer(event_id)
    zone = await event_zone(request, event_id)
    file = uploaded(request.headers.get("content-type", ""), await request.body())
    found = await _read(file, zone.key)
    command = found.command(event_id, source)

    def reply(command: ImportSchedule, after: Agenda) -> bytes:
        counts = asdict(counted(command, after))
        more = (Odd(f"speaker {id_}", what) for id_, what in odd(command))
        remarks = (*found.odd, *more)
        said = Imported(**counts, event_id=event_id, source=command.source, odd=remarks)
        return msgspec.json.encode(said)

    return answered(request, await execute(request, command, principal, event_id, reply))


async def _read(file: bytes, timezone: str) -> schedules.Schedule:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(READER, lambda: schedules.read(file, timezone=timezone))


@get(
    PATH + "/schedule.json",
    tags=TAGS,
    summary="The agenda as frab's schedule.json, which imports again without a change",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_schedule_json(request: Request, event_id: EventId) -> Response[ScheduleFile]:
    """Addresses of speakers are for organizers."""
    await who_asks(request, event_id)
    programme, headers = await read(request, WHOLE_AGENDA, Ask(event_id))
    emails = request.user.organizes(event_id)
    base_url = str(request.base_url)
    file = await asyncio.to_thread(schedule_file, programme, emails=emails, base_url=base_url)
    return answer(file, headers)


@get(
    PATH + "/schedule.ics",
    tags=TAGS,
    media_type=ical.MEDIA_TYPE,
    summary="The agenda as iCalendar: one UID a slot, cancelled ones stay as cancelled",
    responses={304: UNCHANGED, **documented(400, 401, 403, 404, 429, 503)},
)
async def get_schedule_ics(request: Request, event_id: EventId) -> Response[bytes | None]:
    await who_asks(request, event_id)
    return await respond_as_calendar(
        request, WHOLE_AGENDA, Ask(event_id), lambda programme: programme.agenda.event_name
    )


async def respond_as_calendar(
    request: Request,
    question: Own[AskT, Programme],
    ask: AskT,
    name: Callable[[Programme], str],
    meetings: Sequence[ical.Meeting] = (),
) -> Response[bytes | None]:
    """Calendar programs ask again and again whether anything has changed: those that know our tag
    are told that nothing has, without a look at the agenda. A large one is work, beside which
    others are to be answered."""
    async with services(request).pool.connection() as connection:
        stands_on = await ground(connection, question, ask)
    made_of = f"{FORM} {question.name} {stands_on.identity}"
    if meetings:
        made_of += f" {msgspec.json.encode(meetings).decode()}"
    tag = f'"{hashlib.sha256(made_of.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": tag}
    known = is_known(request, tag)
    if known and not has_header(request):
        headers["Event-Position"] = str(stands_on.end)
        return Response(None, status_code=304, headers=headers)
    programme, said = await read(request, question, ask)
    if int(said["Event-Position"]) < stands_on.position:  # the rest is of a newer version
        del headers["ETag"]
    elif known:
        return Response(None, status_code=304, headers=headers | said)
    content = await asyncio.to_thread(ical.calendar, programme, name(programme), meetings)
    return Response(content, media_type=ical.MEDIA_TYPE, headers=headers | said)


ROUTES: Any = (post_schedule, get_schedule_json, get_schedule_ics)
