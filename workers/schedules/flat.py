"""A list of sessions as JSON objects, whose keys are recognised by many spellings."""

from collections.abc import Iterator
from typing import Any

from domain.agenda import Speaker
from workers.schedules.draft import Draft
from workers.schedules.json_values import converted, localized
from workers.schedules.schedule import Session, id_from, id_from_name

# Spellings by meaning. Keys are compared without case, spaces, - and _.
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
        _add(_by_meaning(converted(row, dict[str, Any], where)), where, draft)


def _by_meaning(row: dict[str, Any]) -> dict[str, Any]:
    plain = {key.lower().translate({32: None, 45: None, 95: None}): row[key] for key in row}
    found = {}
    for meaning, keys in KEYS.items():
        values = (plain[key] for key in keys if plain.get(key) is not None)
        found[meaning] = next(values, None)
    return found


def _add(row: dict[str, Any], where: str, draft: Draft) -> None:
    if not localized(row["start"]):
        draft.skip("sessions without a time")
        return
    title = localized(row["title"])
    start = draft.moment(localized(row["start"]), f"{where} start")
    end = localized(row["end"])
    if not end:
        draft.remarks.add(where, "has no end: taken as having no length")
    draft.add(
        Session(
            id=draft.prefixed_id(row["id"])
            if isinstance(row["id"], int)
            else _id(row["id"], title, draft),
            where=where,
            title=title,
            start=start,
            end=draft.moment(end, f"{where} end") if end else start,
            texts=(localized(row["text"]),),
            location=localized(row["location"]),
            track=localized(row["track"]),
            tags=row["focus_areas"],
            kind=localized(row["kind"]),
            status=localized(row["status"]).lower(),
            speaker_ids=tuple(_speakers(row["speakers"], where, draft)),
            url=localized(row["url"]),
            language=localized(row["language"]),
        )
    )


def _id(written: Any, title: str, draft: Draft) -> str:
    if isinstance(written, str) and written.strip():
        written = written.strip()
        return id_from(written) if len(written) >= len("RALRSJ") else draft.prefixed_id(written)
    return draft.prefixed_id(id_from_name(title))


def _speakers(written: Any, where: str, draft: Draft) -> Iterator[str]:
    names = written.split(",") if isinstance(written, str) else written
    for one in names if isinstance(names, list) else []:
        name = localized(one.get("name")) if isinstance(one, dict) else localized(one)
        if name.strip():
            yield draft.add_speaker(Speaker("", name), where)
