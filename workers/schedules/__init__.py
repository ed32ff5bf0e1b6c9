"""Readers of conference schedules. `read` makes a Schedule of a file in any of these formats:

    schedule.xml        Pentabarf, frab, pretalx, FOSDEM, CCC
    schedule.json       frab, pretalx, CCC, and this product's own
    pretalx             the API's submissions and schedules, and the widget's data
    Sessionize          the views All, Sessions, and Schedule Grid
    Open Event          an archive of event.json, sessions.json, speakers.json
    a list of sessions  flat JSON, whose keys say in their own way what is what

The format is recognised by the content. Files in gzip, xz, tar and zip are unpacked first. Pure: no
clock, no sockets, and the same bytes give the same schedule.
"""

from collections.abc import Callable
from typing import Any

from domain.errors import Invalid
from workers.schedules import (
    archives,
    flat,
    frab,
    moments,
    openevent,
    pentabarf,
    pretalx,
    sessionize,
)
from workers.schedules.draft import Draft, OnProgress, ignore_progress
from workers.schedules.json_values import parse
from workers.schedules.schedule import THE_FILE, Odd, Schedule

__all__ = ["Odd", "Schedule", "read"]

# The first that recognises a JSON document reads it.
JSON: tuple[tuple[Callable[[Any], bool], Callable[[Any, Draft], None]], ...] = (
    (frab.recognises, frab.read),
    (pretalx.recognises, pretalx.read),
    (sessionize.recognises, sessionize.read),
    (flat.recognises, flat.read),
)
XML = (b"<", b"\xff\xfe<\x00", b"\xfe\xff\x00<")
VALUE = (b"{", b"[", b"\xff\xfe", b"\xfe\xff")  # how JSON begins that may be a schedule


def read(
    data: bytes,
    filename: str = "",
    *,
    timezone: str | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Schedule:
    """Times without an offset are local to the zone that the file names, else to `timezone`.
    `on_progress` is called with the sessions read so far, and with all of them.

    Raises Invalid, with the line and column, or the path within JSON, and the reason."""
    if timezone is not None and timezone not in moments.zones():
        raise Invalid("", ("timezone", "is not the name of an IANA time zone"))
    try:
        draft = Draft(timezone, on_progress)
        _read(archives.unpack(data), draft)
        return draft.schedule()
    except Invalid as error:
        name = f"{filename}: " if filename else ""
        raise Invalid(f"{name}{error.detail}", *error.errors) from None


def _read(files: dict[str, bytes], draft: Draft) -> None:
    if openevent.recognises(files):
        openevent.read(files, draft)
    elif len(files) == 1:
        _read_one(next(iter(files.values())), draft)
    else:
        names = ", ".join(map(moments.quoted, sorted(files)[:10]))
        raise Invalid("", (THE_FILE, f"holds {len(files)} files, of which one is wanted: {names}"))


def _read_one(data: bytes, draft: Draft) -> None:
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(XML):
        pentabarf.read(data, draft)
        return
    if not start.startswith(VALUE):
        what = "is neither XML nor JSON" if start else "is empty"
        raise Invalid("", (THE_FILE, what))
    document = parse(data)
    for recognises, reader in JSON:
        if recognises(document):
            reader(document, draft)
            return
    raise Invalid("", (THE_FILE, "is no schedule in a format that is known here"))
