"""`make demo`: fills the running product with a conference that looks alive, and keeps it so.

Everything comes in over HTTP, with tokens of those who act. A second run finds what the first has
done and adds nothing. Boards on which something was done are left alone.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from domain.errors import Problem
from workers import settings
from workers.demo.client import EVENT, ORGANIZER, Client
from workers.demo.company import keep_company
from workers.demo.conference import (
    MISSIONS,
    NAME,
    NEWCOMER,
    PEOPLE,
    REGULAR,
    TIMEZONE,
    VISITORS,
    Person,
    plan,
)
from workers.demo.programme import SPEAKERS, picks, programme
from workers.servers.datadir import jwt_secret
from workers.servers.supervisor import say

VIEW_MS = 6_000
PAUSES = (20.0, 40.0)  # seconds from one act to the next
RESETS = 0.6  # probability of a reset for who has completed all missions; in proportion below


def fill(address: str) -> None:
    config = settings.read()
    if config.jwt_jwks_url and not config.jwt_secret:
        say("The demo signs tokens of its own: unset JWT_JWKS_URL, or set JWT_SECRET, for it.")
        return
    secret = jwt_secret(config)
    with closing(Client(address, secret, config.public_url)) as client:
        build(client)
        print_links(client)
    others = [p for p in PEOPLE if p not in VISITORS]
    for live, people in ((_live, others), (keep_company, VISITORS)):
        threading.Thread(target=live, args=(Client(address, secret), people), daemon=True).start()


def build(client: Client) -> None:
    """Makes the conference as it is when the demo begins."""
    _announce(client)
    _publish(client)
    schedule(client)
    for person in PEOPLE:
        if not any(mission["updated_at"] for mission in _board(client, person)):
            _catch_up(client, person)


def _announce(client: Client) -> None:
    """Dates the conference so that today is its second day, unless it is still on."""
    known = client.ask(ORGANIZER, "GET", EVENT)
    now = datetime.now(ZoneInfo(TIMEZONE))
    if known and (not known["ends_at"] or datetime.fromisoformat(known["ends_at"]) > now):
        return
    start = (now - timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    end = (now + timedelta(days=1)).replace(hour=17, minute=0, second=0, microsecond=0)
    body = {"name": NAME, "timezone": TIMEZONE, "starts_at": start, "ends_at": end}
    client.ask(ORGANIZER, "PUT", EVENT, body)


def _publish(client: Client) -> None:
    """Profiles and the catalogue. The catalogue is last: where there is one, the profiles are
    there."""
    if client.ask(ORGANIZER, "GET", f"{EVENT}/missions")["missions"]:
        return
    for person in PEOPLE:
        client.ask(ORGANIZER, "PUT", f"{EVENT}/attendees/{person.id}", person.profile)
    catalogue = [mission._asdict() for mission in MISSIONS]
    client.ask(ORGANIZER, "PUT", f"{EVENT}/missions", catalogue)


def schedule(client: Client) -> None:
    """Schedules all items around now, unless something is on and something begins soon."""
    if all(_suited(client, window) for window in ("now", "next_60")):
        return
    is_first = not client.ask(ORGANIZER, "GET", f"{EVENT}/schedule")["sessions"]
    items = programme(datetime.now(ZoneInfo(TIMEZONE)))
    if is_first:
        for person in SPEAKERS:
            body = {"name": person.name, "focus_areas": person.profile["focus_areas"]}
            client.ask(ORGANIZER, "PUT", f"{EVENT}/speakers/{person.id}", body)
    for item in items:
        client.ask(ORGANIZER, "PUT", f"{EVENT}/agenda/{item.id}", item.body)
    if is_first:
        for person in PEOPLE:
            for item_id in picks(person, items):
                client.ask(person.id, "PUT", f"{EVENT}/sessions/{item_id}/star")


def _suited(client: Client, window: str) -> list[dict[str, Any]]:
    answer = client.ask(ORGANIZER, "GET", f"{EVENT}/sessions?window={window}&limit=1")
    sessions: list[dict[str, Any]] = answer["sessions"]
    return sessions


def _board(client: Client, person: Person) -> list[dict[str, Any]]:
    missions: list[dict[str, Any]] = client.ask(person.id, "GET", f"{EVENT}/missions")["missions"]
    return missions


def _catch_up(client: Client, person: Person) -> None:
    done = plan(person)
    for mission in done:
        if mission == "meet_attendees":
            for other in _others(person)[:3]:
                _view(client, person, other)
        else:
            _patch(client, person, mission, "completed")
    if done:
        open_ = [m["id"] for m in _board(client, person) if m["status"] == "not_started"]
        for mission in open_[-1:]:
            _patch(client, person, mission, "in_progress")


def _others(person: Person) -> list[Person]:
    listed = [p for p in PEOPLE if p is not person and p.profile["visibility"] == "listed"]
    return Random(person.id).sample(listed, len(listed))  # noqa: S311 - no secret


def _view(client: Client, person: Person, other: Person) -> None:
    body = {
        "action": "view_profile",
        "target_member_id": other.id,
        "ts": datetime.now(UTC),
        "dwell_ms": VIEW_MS,
    }
    client.ask(person.id, "POST", f"{EVENT}/missions/meet_attendees/telemetry", body)


def _patch(client: Client, person: Person, mission: str, status: str) -> None:
    client.ask(person.id, "PATCH", f"{EVENT}/missions/{mission}", {"status": status})


def print_links(client: Client) -> None:
    sessions = client.ask(ORGANIZER, "GET", f"{EVENT}/schedule")["sessions"]
    there = f"{len(PEOPLE)} attendees, {len(MISSIONS)} missions, {len(sessions)} sessions"
    say(f"{NAME} is on: {there}.")
    say("While this runs the others go on, twice a minute or so, and the leaderboard moves.")
    say("Within a minute somebody writes to you and asks for a sync, and who you write to answers.")
    say("Sign in, each in a browser window of its own (a private one is):")
    for who, sub in (
        (f"{REGULAR.name}, {_points_of(client, REGULAR)}", REGULAR.id),
        (f"{NEWCOMER.name}, {_points_of(client, NEWCOMER)}", NEWCOMER.id),
        ("the organizer", ORGANIZER),
    ):
        say(f"  {who}\n    {client.link(sub)}")


def _points_of(client: Client, person: Person) -> str:
    progress = client.ask(person.id, "GET", f"{EVENT}/missions")["progress"]
    return f"who has {progress['points_earned']} of {progress['points_total']} points"


# While it runs
def _live(client: Client, people: Sequence[Person]) -> None:
    """Lets a random person act, then pauses, for ever."""
    chance = Random()  # noqa: S311 - no secret
    while True:
        time.sleep(chance.uniform(*PAUSES))
        try:
            act(client, chance.choice(people), chance)
            schedule(client)
        except Problem:  # the product restarts or stops: a later act may succeed
            continue


def act(client: Client, person: Person, chance: Random) -> None:
    """One act of one person. The more they have completed, the likelier it is a reset: so there is
    always something to do."""
    board = _board(client, person)
    done = [m for m in board if m["status"] == "completed"]
    open_ = [m for m in board if m["status"] in ("not_started", "in_progress")]
    if not open_ or chance.random() < RESETS * len(done) / len(board):
        _patch(client, person, chance.choice(done)["id"], "not_started")
        return
    mission = chance.choice(open_)
    if mission["id"] == "meet_attendees":
        _view(client, person, chance.choice(_others(person)))
    elif mission["status"] == "not_started" and chance.random() < 0.3:
        _patch(client, person, mission["id"], "in_progress")
    else:
        _patch(client, person, mission["id"], "completed")
