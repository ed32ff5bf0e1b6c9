"""A list of sessions, each an object, whose keys say in their own way what is what."""

from collections.abc import Iterator
from typing import Any

from domain.agenda import Speaker
from workers.schedules.draft import Draft
from workers.schedules.json_values import shaped, worded
from workers.schedules.schedule import Session, identifier, named

# Compared without case, spaces, - and _.
KEYS = {
    "id": ("guid", "uuid", "id", "code", "sessionid"),
    "title": ("title", "name", "sessiontitle", "summary"),
    "start": ("start", "starttime", "startsat", "starts", "sessiontime", "begin", "begins"),
    "end": ("end", "endtime", "endsat", "ends", "sessionend"),
    "text": ("description", "abstract", "sessiondescription"),
    "location": ("location", "room", "roomname", "venue", "sessionlocation"),
    "track": ("track", "topic", "category"),
    "speakers": ("speakers", "speaker", "speakername", "presenters", "presenter", "hosts"),
    "focus_areas": ("focusareas", "tags", "keywords"),
    "kind": ("itemtype", "type", "format"),
    "status": ("status",),
    "url": ("url", "link"),
    "language": ("language",),
}


def recognises(document: Any) -> bool:
    return isinstance(document, list) or (
        isinstance(document, dict) and isinstance(document.get("sessions"), list)
    )


def read(document: Any, draft: Draft) -> None:
    alone = isinstance(document, list)
    at, listed = ("$", document) if alone else ("$.sessions", document["sessions"])
    draft.expect(len(listed))
    for i, row in enumerate(listed):
        where = f"{at}[{i}]"
        _add(_by_meaning(shaped(row, dict[str, Any], where)), where, draft)


def _by_meaning(row: dict[str, Any]) -> dict[str, Any]:
    plain = {key.lower().translate({32: None, 45: None, 95: None}): row[key] for key in row}
    found = {}
    for meaning, keys in KEYS.items():
        values = (plain[key] for key in keys if plain.get(key) is not None)
        found[meaning] = next(values, None)
    return found


def _add(row: dict[str, Any], where: str, draft: Draft) -> None:
    if not worded(row["start"]):
        draft.leave_out("sessions without a time")
        return
    title = worded(row["title"])
    start = draft.moment(worded(row["start"]), f"{where} start")
    end = worded(row["end"])
    if not end:
        draft.remarks.add(where, "has no end: taken as having no length")
    draft.add(
        Session(
            id=draft.key(row["id"]) if isinstance(row["id"], int) else _id(row["id"], title, draft),
            where=where,
            title=title,
            start=start,
            end=draft.moment(end, f"{where} end") if end else start,
            texts=(worded(row["text"]),),
            location=worded(row["location"]),
            track=worded(row["track"]),
            tags=row["focus_areas"],
            kind=worded(row["kind"]),
            status=worded(row["status"]).lower(),
            speaker_ids=tuple(_speakers(row["speakers"], where, draft)),
            url=worded(row["url"]),
            language=worded(row["language"]),
        )
    )


def _id(written: Any, title: str, draft: Draft) -> str:
    if isinstance(written, str) and written.strip():
        written = written.strip()
        return identifier(written) if len(written) >= len("RALRSJ") else draft.key(written)
    return draft.key(named(title))


def _speakers(written: Any, where: str, draft: Draft) -> Iterator[str]:
    names = written.split(",") if isinstance(written, str) else written
    for one in names if isinstance(names, list) else []:
        name = worded(one.get("name")) if isinstance(one, dict) else worded(one)
        if name.strip():
            yield draft.speaker(Speaker(named(name), name), where)
