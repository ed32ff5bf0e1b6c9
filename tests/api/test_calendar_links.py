"""The agenda as iCalendar over HTTP, and the secret link to one's own."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from icalendar import Calendar

from tests.api.agents.asking import nothing_recorded, paths, problem
from tests.api.conftest import RATE
from tests.product import Product
from tests.workers.schedules.files import event, frab, xml

KEY = {"Idempotency-Key": "once"}


@pytest.fixture
def anyone(product: Product) -> Iterator[httpx.Client]:
    """A calendar program, which has no token."""
    with httpx.Client(base_url=product.url) as anyone:
        yield anyone


def at(event_id: str, path: str) -> str:
    return f"/api/events/{event_id}{path}"


def post(organizer: httpx.Client, event_id: str, file: bytes) -> None:
    organizer.post(at(event_id, "/schedule"), content=file).raise_for_status()


def opened(member: httpx.Client, event_id: str, **how: Any) -> str:
    answer = member.put(at(event_id, "/calendar-link"), **how)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["event_id"], said["open"]) == (event_id, True)
    path: str = said["path"]
    return path


def slots(client: httpx.Client, path: str) -> dict[str, tuple[int, str, str]]:
    """By UID: sequence, status, title."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    parsed = Calendar.from_ical(answer.content)
    assert [error for component in parsed.walk() for error in component.errors] == []
    return {
        str(e["UID"]).partition("@")[0]: (int(e["SEQUENCE"]), str(e["STATUS"]), str(e["SUMMARY"]))
        for e in parsed.events
    }


# All of it
def test_slot_keeps_its_uid_while_its_sequence_rises_and_stays_when_cancelled(
    event_id: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    path = at(event_id, "/schedule.ics")
    post(organizer, event_id, frab({"guid": "a"}, {"guid": "b"}))
    assert slots(ada, path) == {
        "a": (0, "CONFIRMED", "On queues"),
        "b": (0, "CONFIRMED", "On queues"),
    }
    post(organizer, event_id, frab({"guid": "a", "title": "On stacks"}))
    assert slots(ada, path) == {
        "a": (1, "CONFIRMED", "On stacks"),
        "b": (1, "CANCELLED", "On queues"),
    }
    post(organizer, event_id, frab({"guid": "a", "title": "On stacks"}, {"guid": "b"}))
    assert slots(ada, path)["b"] == (2, "CONFIRMED", "On queues")


def test_calendar_that_is_unchanged_is_not_sent_again(
    event_id: str, organizer: httpx.Client, ada: httpx.Client, anyone: httpx.Client
) -> None:
    post(organizer, event_id, frab({"guid": "a"}))
    ada.put(at(event_id, "/sessions/a/star")).raise_for_status()
    for client, path in (
        (ada, at(event_id, "/schedule.ics")),
        (anyone, opened(ada, event_id)),
    ):
        first = client.get(path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        known = {"If-None-Match": f'W/"other", {first.headers["ETag"]}'}
        for said in (known, {"If-None-Match": "*"}):
            again = client.get(path, headers=said)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == first.headers["ETag"]
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
        post(organizer, event_id, frab({"guid": "a", "title": path[-9:]}))
        assert client.get(path, headers=known).status_code == 200


def test_calendar_that_is_unchanged_is_not_even_read(
    product: Product, event_id: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    post(organizer, event_id, frab({"guid": "a"}))
    path = at(event_id, "/schedule.ics")
    known = {"If-None-Match": ada.get(path).headers["ETag"]}
    with psycopg.connect(product.database_url) as connection:
        connection.execute("LOCK TABLE views.agenda_items IN ACCESS EXCLUSIVE MODE")
        again = ada.get(path, headers=known)
    assert again.status_code == 304, again.text
    position = organizer.put(at(event_id, "/speakers/p"), json={"name": "P"}).headers[
        "Event-Position"
    ]
    changed = ada.get(path, headers=known)
    assert changed.status_code == 200
    assert int(again.headers["Event-Position"]) < int(position)
    assert int(changed.headers["Event-Position"]) >= int(position)


# One's own
def test_link_shows_what_its_member_has_starred_also_when_it_is_cancelled(
    event_id: str, organizer: httpx.Client, ada: httpx.Client, anyone: httpx.Client
) -> None:
    post(organizer, event_id, xml(*(event("2026-02-01T10:00Z", guid=id_) for id_ in "abc")))
    for id_ in "ab":
        ada.put(at(event_id, f"/sessions/{id_}/star")).raise_for_status()
    path = opened(ada, event_id)
    assert slots(anyone, path) == dict.fromkeys("ab", (0, "CONFIRMED", "On queues"))
    organizer.delete(at(event_id, "/agenda/a")).raise_for_status()
    ada.delete(at(event_id, "/sessions/b/star")).raise_for_status()
    assert slots(anyone, path) == {"a": (1, "CANCELLED", "On queues")}


def test_link_that_is_revoked_opens_nothing_at_once_and_the_next_is_another(
    event_id: str, ada: httpx.Client, anyone: httpx.Client
) -> None:
    first = opened(ada, event_id)
    assert slots(anyone, first) == {}
    revoked = ada.delete(at(event_id, "/calendar-link"))
    assert revoked.json() == {
        "event_id": event_id,
        "member_id": "ada",
        "open": False,
        "path": None,
    }
    problem(anyone.get(first), 404)
    second = opened(ada, event_id)
    assert second != first
    problem(anyone.get(first), 404)
    assert slots(anyone, second) == {}


def test_member_reads_whether_their_link_is_open_and_not_its_path(
    product: Product, event_id: str, ada: httpx.Client, organizer: httpx.Client
) -> None:
    link = at(event_id, "/calendar-link")

    def read(member: httpx.Client, **asked: str) -> Any:
        answer = member.get(link, params=asked)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.json()

    closed = {"event_id": event_id, "member_id": "ada", "open": False, "path": None}
    assert read(ada) == closed
    opened(ada, event_id)
    assert read(ada) == read(organizer, member_id="ada") == closed | {"open": True}
    with product.member(event_id, "ben") as ben:
        assert read(ben) == closed | {"member_id": "ben"}
        problem(ben.get(link, params={"member_id": "ada"}), 403)
    ada.delete(link).raise_for_status()
    assert read(ada) == closed


def test_answer_on_a_link_stands_on_a_position(
    event_id: str, ada: httpx.Client, anyone: httpx.Client
) -> None:
    link = at(event_id, "/calendar-link")
    position = ada.put(link).headers["Event-Position"]
    answer = ada.get(link, headers={"Min-Position": position})
    assert answer.json()["open"]
    assert int(answer.headers["Event-Position"]) >= int(position)
    problem(ada.get(link, headers={"Min-Position": "9" * 17}), 503)
    problem(ada.get(at("evt_nowhere", "/calendar-link")), 404)
    problem(anyone.get(link), 401)


def test_link_that_is_open_stays_and_its_path_is_said_once(
    product: Product, event_id: str, ada: httpx.Client, anyone: httpx.Client
) -> None:
    first = opened(ada, event_id, headers=KEY)
    with nothing_recorded(product):
        for headers in (KEY, {}):
            again = ada.put(at(event_id, "/calendar-link"), headers=headers).json()
            assert (again["open"], again["path"]) == (True, None)
    assert slots(anyone, first) == {}
    ada.delete(at(event_id, "/calendar-link")).raise_for_status()
    with nothing_recorded(product):
        ada.delete(at(event_id, "/calendar-link")).raise_for_status()


def test_secret_opens_its_own_agenda_and_no_other(
    product: Product, event_id: str, ada: httpx.Client, anyone: httpx.Client
) -> None:
    other = product.event()
    path = opened(ada, event_id)
    with product.member(event_id, "ben") as ben, product.member(other, "ada") as elsewhere:
        opened(ben, event_id)
        opened(elsewhere, other)
    for wrong in (
        path.replace("/members/ada/", "/members/ben/"),
        path.replace("/members/ada/", "/members/nobody/"),
        path.replace(event_id, other),
        path.replace(event_id, "evt_nowhere"),
        path[:-1] + ("A" if path[-1] != "A" else "B"),
    ):
        problem(anyone.get(wrong), 404)
    bare = path.partition("?")[0]
    for malformed in (bare, path[:-1], path + "A", path[:-1] + "%00", path + "%0A"):
        assert paths(anyone.get(malformed)) == ["secret"]


def test_link_is_opened_by_its_member_and_revoked_also_by_organizers(
    product: Product,
    event_id: str,
    ada: httpx.Client,
    organizer: httpx.Client,
    anyone: httpx.Client,
) -> None:
    link, path = at(event_id, "/calendar-link"), opened(ada, event_id)
    problem(anyone.put(link), 401)
    problem(anyone.delete(link), 401)
    problem(ada.put(at("evt_nowhere", "/calendar-link")), 404)
    with product.member(event_id, "ben") as ben:
        problem(ben.delete(link, params={"member_id": "ada"}), 403)
        ben.delete(link).raise_for_status()
    assert slots(anyone, path) == {}
    organizer.delete(link, params={"member_id": "ada"}).raise_for_status()
    problem(anyone.get(path), 404)


def test_link_of_a_hidden_member_opens_their_agenda_and_does_not_name_them(
    product: Product, event_id: str, ada: httpx.Client, anyone: httpx.Client
) -> None:
    product.attendee(event_id, "ada", name="Ada Hidden", visibility="hidden")
    answer = anyone.get(opened(ada, event_id))
    assert answer.status_code == 200
    assert b"Ada" not in answer.content


def test_secret_is_kept_nowhere(
    product: Product, event_id: str, ada: httpx.Client, anyone: httpx.Client
) -> None:
    path = opened(ada, event_id, headers={"Idempotency-Key": "kept nowhere"})
    anyone.get(path).raise_for_status()
    problem(anyone.get(path + "A"), 400)
    anyone.post(path)
    (secret,) = parse_qs(urlsplit(path).query)["secret"]
    with psycopg.connect(product.database_url) as connection:
        log = connection.execute("SELECT string_agg(state, '') FROM events.log").fetchone()
        keys = connection.execute(
            "SELECT string_agg(reply, '') FROM events.command_keys"
        ).fetchone()
    assert log
    assert keys
    assert b"calendar" not in keys[0]
    for kept in (log[0], keys[0], *(product.log(p).encode() for p in ("api", "workers"))):
        assert secret.encode() not in kept


# How much
def test_link_in_many_hands_spends_nothing_of_its_members(
    strict: Product, product: Product, event_id: str, ada: httpx.Client
) -> None:
    path, another = (
        opened(ada, event_id),
        at(event_id, "/members/ada/agenda.ics?secret=" + "x" * 43),
    )
    with (
        strict.member(event_id, "ada") as member,
        httpx.Client(base_url=strict.url, headers={"X-Forwarded-For": "192.0.2.1"}) as anyone,
    ):

        def refused(path: str) -> httpx.Response:
            """The answer once there were too many: some come back while they are asked for."""
            return next(a for _ in range(1_000) if (a := anyone.get(path)).status_code == 429)

        assert anyone.get(path).status_code == 200
        for link in (path, another):  # who tries one after another is told so too
            answer = refused(link)
            problem(answer, 429)
            assert answer.headers["Retry-After"] == "1"
            answers = [member.get("/api/session") for _ in range(RATE * 2)]
            assert {each.status_code for each in answers} == {200}
