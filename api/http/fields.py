"""Types of the fields in paths, queries and bodies, for all capabilities."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, get_type_hints
from zoneinfo import available_timezones

import msgspec
from litestar.params import Parameter, QueryParameter
from msgspec import Meta, Struct, structs

from domain import texts
from domain.errors import Invalid

# `$` would let a newline pass at the end.
ID = r"^[A-Za-z0-9_.\-]{1,128}(?![\s\S])"
NO_CONTROL = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*(?![\s\S])"
URL = r"^(https?://[^\s\x00-\x1f\x7f]+)?(?![\s\S])"
HTTPS = r"^(https://[^\s\x00-\x1f\x7f]+)?(?![\s\S])"
EMAIL = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+(?![\s\S])"
POSITION = r"^[0-9]{1,18}(?![\s\S])"
# Empty: none yet. With the names of feeds that were heard less far (api/live/ids.py).
LAST_POSITION = r"^([0-9]{1,18}(-[a-z][a-z0-9_]{0,62}\.[0-9]{1,18}){0,50})?(?![\s\S])"
OF_LINK = r"^[A-Za-z0-9_\-]{43}(?![\s\S])"  # 32 bytes, as a link has them

Schema = dict[str, Any]

Id = Annotated[str, Meta(pattern=ID, description="1-128 of A-Z a-z 0-9 _ - .")]
Line = Annotated[str, Meta(max_length=200, pattern=NO_CONTROL)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_CONTROL)]
Text = Annotated[str, Meta(max_length=4000, pattern=NO_CONTROL)]
Url = Annotated[str, Meta(max_length=2000, pattern=URL)]
Image = Annotated[
    str,
    Meta(
        max_length=2000, pattern=HTTPS, description="https; it is shown by browsers, never fetched"
    ),
]
Email = Annotated[str, Meta(max_length=254, pattern=EMAIL)]
Tags = Annotated[tuple[Name, ...], Meta(max_length=100)]
TimeZone = Annotated[
    str,
    Meta(
        max_length=64,
        description="IANA name, as in Europe/Brussels",
        extra_json_schema={"format": "iana-time-zone"},
    ),
]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset")]
LocalMoment = Annotated[
    datetime,
    Meta(
        description="RFC 3339; without an offset it is local to the event",
        extra_json_schema={"format": "date-time"},
    ),
]


def in_path(name: str) -> Any:
    return Parameter(pattern=ID, min_length=1, max_length=128, description=name)


EventId = Annotated[str, in_path("the event")]
MemberId = Annotated[str, in_path("the member")]
MissionId = Annotated[str, in_path("the mission")]
ItemId = Annotated[str, in_path("the item on the agenda")]
SessionId = Annotated[str, in_path("the session")]
SpeakerId = Annotated[str, in_path("the speaker")]
OfMember = Annotated[
    str | None,
    QueryParameter(
        name="member_id",
        pattern=ID,
        description="absent or `me`: oneself; another's is for organizers",
    ),
]
Limit = Annotated[int, Parameter(ge=1, le=100)]


class Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The base of request bodies. Texts are normalised to NFC. Times are converted to UTC, except
    for those without an offset."""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            value = getattr(self, field)
            if isinstance(value, str | tuple):
                structs.force_setattr(self, field, _normal(type(self), field, value))
            elif isinstance(value, datetime) and value.tzinfo:
                structs.force_setattr(self, field, _in_utc(field, value))


def _in_utc(field: str, moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"`{field}` lies outside the years 1 to 9999 in UTC") from None


def _normal(body: type[Body], field: str, value: Any) -> Any:
    """The value in NFC. That may be longer than before, and must not exceed the bounds either."""
    if any(map(texts.has_too_many_marks, _texts(value))):
        raise ValueError(f"`{field}` has more than {texts.MARKS} combining marks in a row")
    normal = _nfc(value)
    try:
        return normal if normal == value else msgspec.convert(normal, _hints(body)[field])
    except msgspec.ValidationError:
        raise ValueError(f"`{field}` is too long once it is in normal form (NFC)") from None


@cache
def _hints(body: type[Body]) -> dict[str, Any]:
    return get_type_hints(body, include_extras=True)


def _nfc(value: Any) -> Any:
    if isinstance(value, str):
        return texts.normalised(value)
    if isinstance(value, tuple):
        return tuple(map(_nfc, value))
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _texts(part)


def moment(text: str) -> datetime:
    """A time from a query, in UTC. Raises ValueError for anything but RFC 3339 with an offset. The
    plus of an offset arrives as a space if it was not escaped."""
    given = re.sub(r" (\d\d:\d\d)\Z", r"+\1", text)
    try:
        return msgspec.convert(given, Moment).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as e:
        raise ValueError(text) from e


ZONES = frozenset(available_timezones() - {"localtime"})  # the zone of this machine


def zone(name: str) -> str:
    """The name of an IANA time zone. Raises Invalid for anything else."""
    if name not in ZONES:
        raise Invalid("", ("$.timezone", "is not the name of an IANA time zone"))
    return name


def json_schema(shape: type[Struct]) -> Schema:
    """A schema for agents. Its root is the object itself, not a reference to it. Its patterns need
    no lookahead, which not all agents take: in JSON Schema `$` is the very end."""
    text = msgspec.json.encode(msgspec.json.schema(shape))
    schema = msgspec.json.decode(text.replace(rb"(?![\\s\\S])", b"$"))
    definitions = schema.pop("$defs")
    root: Schema = definitions.pop(shape.__name__)
    return root | ({"$defs": definitions} if definitions else {})
