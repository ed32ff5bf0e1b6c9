"""Small schedule files of the tests' own, in every format, and where the real ones are."""

import io
import tarfile
from pathlib import Path

import msgspec
import pytest

from tests.product import ROOT
from workers.schedules import Schedule, read

REAL = ROOT.parent / "shared" / "data" / "schedules"
real = pytest.mark.skipif(not REAL.is_dir(), reason=f"the real schedules are not in {REAL}")

EVENT = """<event guid="talk-1" id="7"><date>2026-02-01T10:00:00+01:00</date><start>10:00</start>
<duration>00:30</duration><title>On queues</title><persons><person id="3">Speaker 3</person>
</persons></event>"""


def xml(
    *events: str, conference: str = "<acronym>small</acronym>", day: str = "2026-02-01"
) -> bytes:
    return (
        f"<schedule><conference>{conference}</conference>\n"
        f'<day date="{day}"><room name="Hall">{"".join(events)}</room></day></schedule>'
    ).encode()


def event(date: str = "", start: str = "10:00", **said: str) -> str:
    """Without a guid and an id, unless said."""
    names = {name: said.pop(name) for name in ("guid", "id") if name in said}
    said = {"date": date, "start": start, "duration": "00:30", "title": "On queues", **said}
    inside = "".join(f"<{tag}>{text}</{tag}>" for tag, text in said.items() if text)
    attributes = "".join(f' {name}="{value}"' for name, value in names.items())
    return f"<event{attributes}>{inside}</event>"


def frab(*events: dict[str, object], **conference: object) -> bytes:
    given = [
        {"date": "2026-02-01T10:00:00+01:00", "duration": "00:30", "title": "On queues", **event}
        for event in events
    ]
    days = [{"index": 1, "date": "2026-02-01", "rooms": {"Hall": given}}]
    whole = {"acronym": "small", "days": days, **conference}
    return msgspec.json.encode({"schedule": {"conference": whole}})


def tar(**files: object) -> bytes:
    """An archive of JSON files: `sessions=[...]` becomes folder/sessions.json."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            data = msgspec.json.encode(content)
            member = tarfile.TarInfo(f"folder/{name}.json")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def of_revisions() -> dict[str, bytes]:
    """The real revisions of FOSDEM 2025, oldest first."""
    with tarfile.open(REAL / "fosdem-2025-revisions.tar.xz") as archive:
        members = sorted(archive.getmembers(), key=lambda member: member.name)
        files = ((member.name, archive.extractfile(member)) for member in members)
        return {name: file.read() for name, file in files if file}


def read_real(name: str, timezone: str | None = None) -> Schedule:
    path: Path = REAL / name
    return read(path.read_bytes(), name, timezone=timezone)
