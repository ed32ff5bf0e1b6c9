"""Company for who visits the demo alone: somebody writes to them and asks for a sync, and whoever
they write to answers. What was said and asked is read back from the product, so a restart repeats
nothing.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.errors import Problem
from workers.demo.client import EVENT, Client
from workers.demo.conference import PEOPLE, TIMEZONE, VISITORS, Person
from workers.demo.words import NOTE, answer, greeting

PAUSE = 8.0  # seconds between looks
ANSWERS = 5  # of one person to a visitor, in an hour
THREADS = 5  # of a visitor, beyond which nobody begins another
QUIET = timedelta(minutes=20)  # before another begins one
ASKED = 3  # syncs that others ask a visitor for, one at a time
MINUTES = 15  # of a sync
OTHERS = {person.id: person for person in PEOPLE if person not in VISITORS}


def keep_company(client: Client, visitors: Sequence[Person]) -> None:
    """For ever."""
    while True:
        time.sleep(PAUSE)
        for visitor in visitors:
            try:
                accompany(client, visitor, datetime.now(UTC))
            except (
                Problem
            ):  # a rule says no, or the product restarts or stops: the next look may do
                continue


def accompany(client: Client, visitor: Person, now: datetime) -> None:
    threads = client.ask(visitor.id, "GET", f"{EVENT}/messages?limit=100")["threads"]
    syncs = client.ask(visitor.id, "GET", f"{EVENT}/syncs?limit=100")["syncs"]
    for thread in threads:
        if thread["from"] == visitor.id and (other := OTHERS.get(thread["with"])):
            _answer(client, other, visitor, now)
    for sync in syncs:
        if sync["status"] == "requested" and sync["with"] in OTHERS:
            _accept(client, sync)
    known = {one["with"] for one in threads} | {one["from"] for one in syncs}
    strangers = _strangers(client, visitor, known)
    if _is_quiet(threads, now):
        for other, card in strangers[:1]:
            _greet(client, other, visitor, card["overlap_tags"])
    asked = [one["status"] for one in syncs if one["with"] == visitor.id]
    if len(asked) < ASKED and not {"requested", "accepted"} & {*asked}:
        for other, _ in strangers[1:2]:
            _ask_for_a_sync(client, other, visitor, now)


def _is_quiet(threads: Sequence[dict[str, Any]], now: datetime) -> bool:
    last = max((datetime.fromisoformat(one["at"]) for one in threads), default=None)
    return len(threads) < THREADS and (last is None or last < now - QUIET)


def _strangers(
    client: Client, visitor: Person, known: set[str]
) -> list[tuple[Person, dict[str, Any]]]:
    """People of the demo who suit the visitor best and are new to them, with their cards."""
    ranked = client.ask(visitor.id, "GET", f"{EVENT}/attendees/ranked?limit=20")["attendees"]
    cards = [card for card in ranked if card["member_id"] not in known]
    return [(OTHERS[c["member_id"]], c) for c in cards if c["member_id"] in OTHERS]


def _greet(client: Client, person: Person, visitor: Person, shared: Sequence[str]) -> None:
    _write(client, person, visitor, greeting(person, visitor.name.split()[0], shared))


def _answer(client: Client, person: Person, visitor: Person, now: datetime) -> None:
    path = f"{EVENT}/messages?with={visitor.id}&limit=100"
    found = client.ask(person.id, "GET", path)
    if not found:  # one of them has just blocked the other, or hid
        return
    messages = found["messages"]
    own = [one for one in messages if one["from"] == person.id]
    lately = [one for one in own if datetime.fromisoformat(one["at"]) > now - timedelta(hours=1)]
    if len(lately) < ANSWERS:
        text = answer(person, messages[-1]["text"], [one["text"] for one in own])
        if text is not None:
            _write(client, person, visitor, text)


def _write(client: Client, person: Person, visitor: Person, text: str) -> None:
    client.ask(person.id, "POST", f"{EVENT}/messages", {"to": visitor.id, "text": text})


def _accept(client: Client, sync: dict[str, Any]) -> None:
    """The first of its times; where they are busy by now, they decline."""
    path = f"{EVENT}/syncs/{sync['sync_id']}"
    try:
        accepted = {"status": "accepted", "start": sync["proposals"][0]}
        client.ask(sync["with"], "PATCH", path, accepted)
    except Problem:
        client.ask(sync["with"], "PATCH", path, {"status": "declined"})


def _ask_for_a_sync(client: Client, person: Person, visitor: Person, now: datetime) -> None:
    starts = [start for day in (0, 1) for start in _free(client, person, visitor, now, day)][:3]
    if starts:
        body = {"with": visitor.id, "minutes": MINUTES, "proposals": starts, "note": NOTE}
        client.ask(person.id, "POST", f"{EVENT}/syncs", body)


def _free(
    client: Client, person: Person, visitor: Person, now: datetime, day: int
) -> Iterator[datetime]:
    """When both are free from half an hour from now on, once in each stretch of time."""
    date = (now.astimezone(ZoneInfo(TIMEZONE)) + timedelta(days=day)).date()
    path = f"{EVENT}/syncs/free?with={visitor.id}&date={date}"
    for slot in (client.ask(person.id, "GET", path) or {"free": []})["free"]:
        start, end = (datetime.fromisoformat(slot[name]) for name in ("start", "end"))
        soonest = max(start, _next_quarter(now + timedelta(minutes=30)))
        if soonest + timedelta(minutes=MINUTES) <= end:
            yield soonest


def _next_quarter(at: datetime) -> datetime:
    quarter = timedelta(minutes=15)
    begun = at.replace(minute=0, second=0, microsecond=0)
    return begun + -(-(at - begun) // quarter) * quarter
