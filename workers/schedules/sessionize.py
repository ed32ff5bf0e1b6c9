"""Sessionize's JSON: the views All, Sessions, and Schedule Grid. Most times have no offset."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from domain.agenda import Speaker
from workers.schedules.draft import Draft
from workers.schedules.json_values import converted, rows
from workers.schedules.schedule import Session, id_from, id_from_name

Number = int | str | None
NOT_ACCEPTED = frozenset({"declined", "decline_queue", "nominated", "accept_queue", "waitlisted"})


class SessionRow(Struct):
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
    def display_name(self) -> str:
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


class Lookup(Struct):
    """People, rooms and categories of the view All by their ids."""

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
    draft.set_source("sessionize")
    if isinstance(document, dict):
        view = converted(document, All, "$")
        lookup = _lookup(view)
        for where, found in rows(view.sessions, SessionRow, "$.sessions"):
            _add(found, where, lookup, draft)
        return
    for where, group in rows(document, Group, "$"):
        for at, found in _grouped(group, where):
            _add(found, at, Lookup(), draft)


def _grouped(group: Group, where: str) -> Iterator[tuple[str, SessionRow]]:
    yield from rows(group.sessions or [], SessionRow, f"{where}.sessions")
    for at, room in rows(group.rooms or [], Group, f"{where}.rooms"):
        yield from rows(room.sessions or [], SessionRow, f"{at}.sessions")


def _lookup(view: All) -> Lookup:
    people = rows(view.speakers or [], Person, "$.speakers")
    rooms = rows(view.rooms or [], Named, "$.rooms")
    return Lookup(
        {person.id: person for _, person in people},
        {room.id: room.name or "" for _, room in rooms},
        {
            item.id: item.name or ""
            for where, category in rows(view.categories or [], Group, "$.categories")
            for _, item in rows(category.items or [], Named, f"{where}.items")
        },
    )


def _add(found: SessionRow, where: str, lookup: Lookup, draft: Draft) -> None:
    if (found.status or "").lower() in NOT_ACCEPTED:
        draft.skip(f"sessions that are {found.status}")
    elif not found.startsAt:
        draft.skip("sessions without a time")
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
                location=found.room or lookup.rooms.get(found.roomId, ""),
                tags=list(_categories(found, where, lookup)),
                kind="break" if found.isServiceSession else "",
                speaker_ids=tuple(_speakers(found, where, lookup, draft)),
            )
        )


def _id(found: SessionRow, draft: Draft) -> str:
    written = str(found.id or "")
    if "-" in written:
        return id_from(written)
    return draft.prefixed_id(written or id_from_name(found.title or ""))


def _categories(found: SessionRow, where: str, lookup: Lookup) -> Iterator[str]:
    for item in found.categoryItems or []:
        if isinstance(item, int | str):
            yield lookup.categories.get(item, "")
    for at, category in rows(found.categories or [], Group, f"{where}.categories"):
        for _, named_item in rows(category.categoryItems or [], Named, f"{at}.categoryItems"):
            yield named_item.name or ""


def _speakers(found: SessionRow, where: str, lookup: Lookup, draft: Draft) -> Iterator[str]:
    for i, one in enumerate(found.speakers or []):
        at = f"{where}.speakers[{i}]"
        if isinstance(one, int | str):
            person = lookup.people.get(one, Person(one))
        else:
            person = converted(one, Person, at)
        if person.display_name:
            id_ = id_from(str(person.id)) if person.id else ""
            yield draft.add_speaker(Speaker(id_, person.display_name), at)
