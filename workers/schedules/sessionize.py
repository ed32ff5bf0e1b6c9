"""Sessionize's JSON: the views All, Sessions, and Schedule Grid. Times are naive mostly."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from domain.agenda import Speaker
from workers.schedules.draft import Draft
from workers.schedules.json_values import rows, shaped
from workers.schedules.schedule import Session, identifier, named

Number = int | str | None
LEFT_OUT = frozenset({"declined", "decline_queue", "nominated", "accept_queue", "waitlisted"})


class Found(Struct):
    id: Number = None
    title: str | None = None
    description: str | None = None
    startsAt: str | None = None  # noqa: N815 - as Sessionize writes it
    endsAt: str | None = None  # noqa: N815
    isServiceSession: bool | None = None  # noqa: N815
    status: str | None = None
    room: str | None = None
    roomId: Number = None  # noqa: N815
    speakers: list[Any] | None = None
    categories: list[Any] | None = None
    categoryItems: list[Any] | None = None  # noqa: N815


class Person(Struct):
    id: Number = None
    name: str | None = None
    fullName: str | None = None  # noqa: N815
    firstName: str | None = None  # noqa: N815
    lastName: str | None = None  # noqa: N815

    @property
    def called(self) -> str:
        return self.fullName or self.name or f"{self.firstName or ''} {self.lastName or ''}".strip()


class Named(Struct):
    id: Number = None
    name: str | None = None


class Group(Struct):
    sessions: list[Any] | None = None
    rooms: list[Any] | None = None
    items: list[Any] | None = None
    categoryItems: list[Any] | None = None  # noqa: N815


class All(Struct):
    sessions: list[Any]
    speakers: list[Any] | None = None
    rooms: list[Any] | None = None
    categories: list[Any] | None = None


class Known(Struct):
    """People, rooms and categories of the view All, by id."""

    people: dict[Number, Person] = {}
    rooms: dict[Number, str] = {}
    categories: dict[Number, str] = {}


def recognises(document: Any) -> bool:
    if isinstance(document, dict):
        sessions = document.get("sessions")
        return isinstance(sessions, list) and ("rooms" in document or "categories" in document)
    first = document[0] if isinstance(document, list) and document else None
    return isinstance(first, dict) and (
        isinstance(first.get("sessions"), list) or isinstance(first.get("rooms"), list)
    )


def read(document: Any, draft: Draft) -> None:
    draft.called("sessionize")
    if isinstance(document, dict):
        view = shaped(document, All, "$")
        known = _known(view)
        for where, found in rows(view.sessions, Found, "$.sessions"):
            _add(found, where, known, draft)
        return
    for where, group in rows(document, Group, "$"):
        for at, found in _grouped(group, where):
            _add(found, at, Known(), draft)


def _grouped(group: Group, where: str) -> Iterator[tuple[str, Found]]:
    yield from rows(group.sessions or [], Found, f"{where}.sessions")
    for at, room in rows(group.rooms or [], Group, f"{where}.rooms"):
        yield from rows(room.sessions or [], Found, f"{at}.sessions")


def _known(view: All) -> Known:
    people = rows(view.speakers or [], Person, "$.speakers")
    rooms = rows(view.rooms or [], Named, "$.rooms")
    return Known(
        {person.id: person for _, person in people},
        {room.id: room.name or "" for _, room in rooms},
        {
            item.id: item.name or ""
            for where, category in rows(view.categories or [], Group, "$.categories")
            for _, item in rows(category.items or [], Named, f"{where}.items")
        },
    )


def _add(found: Found, where: str, known: Known, draft: Draft) -> None:
    if (found.status or "").lower() in LEFT_OUT:
        draft.leave_out(f"sessions that are {found.status}")
    elif not found.startsAt:
        draft.leave_out("sessions without a time")
    else:
        start = draft.moment(found.startsAt, f"{where}.startsAt")
        draft.add(
            Session(
                id=_id(found, draft),
                where=where,
                title=found.title or "",
                start=start,
                end=draft.moment(found.endsAt, f"{where}.endsAt") if found.endsAt else start,
                texts=(found.description or "",),
                location=found.room or known.rooms.get(found.roomId, ""),
                tags=list(_categories(found, where, known)),
                item_type="break" if found.isServiceSession else "",
                speaker_ids=tuple(_speakers(found, where, known, draft)),
            )
        )


def _id(found: Found, draft: Draft) -> str:
    written = str(found.id or "")
    if "-" in written:
        return identifier(written)
    return draft.key(written or named(found.title or ""))


def _categories(found: Found, where: str, known: Known) -> Iterator[str]:
    for item in found.categoryItems or []:
        if isinstance(item, int | str):
            yield known.categories.get(item, "")
    for at, category in rows(found.categories or [], Group, f"{where}.categories"):
        for _, named_item in rows(category.categoryItems or [], Named, f"{at}.categoryItems"):
            yield named_item.name or ""


def _speakers(found: Found, where: str, known: Known, draft: Draft) -> Iterator[str]:
    for i, one in enumerate(found.speakers or []):
        at = f"{where}.speakers[{i}]"
        if isinstance(one, int | str):
            person = known.people.get(one, Person(one))
        else:
            person = shaped(one, Person, at)
        if person.called:
            id_ = identifier(str(person.id)) if person.id else named(person.called)
            yield draft.speaker(Speaker(id_, person.called), at)
