"""Somebody is forgotten: no table, no dump, no message and no process knows what they said of
themselves, and everything else goes on."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from tests.product import ROOT, Product, mission
from tests.store import ask
from workers.operations.dumps import dump_lines
from workers.servers.processes import until

WORDS = {
    "name": "Quintessa Zephyrine",
    "headline": 'Builds "orreries", mostly',
    "company": "Orrery & Söhne",
    "role": "horologist",
    "avatar_url": "https://example.org/quintessa.png",
    "interests": ["tourbillons"],
    "industries": ["clockwork"],
    "focus_areas": ["escapements"],
    "goals": ["meet other horologists"],
    "offers": ["a spare balance wheel"],
    "seeks": ["ruby bearings"],
}
SPEAKER = {
    "name": "Peregrine Oxenstierna",
    "email": "peregrine@example.org",
    "focus_areas": ["sundials"],
}


def run(product: Product, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", *arguments],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def words(of: dict[str, Any]) -> list[bytes]:
    """The words plain, and as JSON escapes them."""
    said = [w for v in of.values() for w in (v if isinstance(v, list) else [v])]
    return [form for w in said for form in (w.encode(), msgspec.json.encode(w)[1:-1])]


def found(product: Product, of: dict[str, Any]) -> dict[str, set[bytes]]:
    """Where any of these words stands: in which tables, in the dump, in JetStream."""
    places = dict(_everything(product))
    hits = {place: {w for w in words(of) if w in text} for place, text in places.items()}
    return {place: hit for place, hit in hits.items() if hit}


def _everything(product: Product) -> Iterator[tuple[str, bytes]]:
    """Bytes columns are looked into as such; what is text in a dump is in hexadecimal there."""
    tables = ask(
        product.database_url,
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    )
    with psycopg.connect(product.database_url) as connection:
        for (table,) in tables:
            with connection.cursor().copy(
                f"COPY {table} TO STDOUT (FORMAT binary)".encode()
            ) as copy:
                yield table, b"".join(copy)
    yield "the dump", "".join(dump_lines(product.database_url)).encode()
    statistics = "SELECT coalesce(string_agg(s::text, ' '), '') FROM pg_stats AS s"
    yield "the statistics", ask(product.database_url, statistics)[0][0].encode()
    files = [f for f in (product.home / "nats").rglob("*") if f.is_file()]
    assert any(b"AttendeeRegistered" in f.read_bytes() for f in files)
    yield "JetStream", b"".join(f.read_bytes() for f in files)


def put(client: Any, path: str, body: Any, **headers: str) -> int:
    answer = client.put(path, json=body, headers=headers)
    answer.raise_for_status()
    return int(answer.headers["Event-Position"])


@pytest.fixture
def at_event(product: Product) -> Iterator[tuple[str, str, Any]]:
    """An event where somebody has registered, changed their mind, earned points and starred."""
    event_id = product.event(mission("goals"))
    who = f"quin-{event_id}"
    base = f"/api/events/{event_id}"
    with product.member(event_id, who) as member:
        put(member, f"{base}/attendees/{who}", WORDS | {"role": "apprentice horologist"})
        put(member, f"{base}/attendees/{who}", WORDS, **{"Idempotency-Key": f"key-{event_id}"})
        member.patch(f"{base}/missions/goals", json={"status": "completed"}).raise_for_status()
        yield event_id, who, member


def told(product: Product) -> None:
    """Projectors and relay have nothing left to do."""
    behind = """SELECT min(position) < (SELECT max(notification_id) FROM events.log)
        FROM views.positions"""
    assert until(lambda: ask(product.database_url, behind) == [(False,)], 20)


def test_nothing_is_left_of_somebody_who_is_erased(product: Product, at_event: Any) -> None:
    _event_id, who, _member = at_event
    told(product)
    ask(product.database_url, "ANALYZE")
    before = found(product, WORDS)
    assert {"views.leaderboard", "views.member_areas", "events.command_keys"} < before.keys()
    assert not before.keys() & {"events.log", "JetStream"}

    done = run(product, "erase", who, "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"nothing that {who} said of themselves is left" in done.stdout
    told(product)
    assert found(product, WORDS) == {}
    assert WORDS["name"].encode() not in (product.home / "api.log").read_bytes()
    assert WORDS["name"].encode() not in (product.home / "workers.log").read_bytes()


def test_what_others_see_of_somebody_erased_is_the_id_alone(
    product: Product, at_event: Any
) -> None:
    event_id, who, member = at_event
    product.attendee(event_id, "ben")
    run(product, "erase", who, "--yes").check_returncode()
    with product.member(event_id, "ben") as ben:
        board = ben.get(f"/api/events/{event_id}/leaderboard").json()
        view = {"action": "view_profile", "target_member_id": who, "ts": "2026-11-01T12:00:00Z"}
        answer = ben.post(f"/api/events/{event_id}/missions/meet_attendees/telemetry", json=view)
    assert board["entries"] == []
    assert answer.status_code == 404
    ledger = member.get(f"/api/events/{event_id}/missions/history").json()
    assert ledger["balance"] == 10


def test_who_registers_again_is_new_and_has_another_key(product: Product, at_event: Any) -> None:
    event_id, who, member = at_event
    path = f"/api/events/{event_id}/attendees/{who}"
    run(product, "erase", who, "--yes").check_returncode()
    position = put(member, path, {"name": "Another Name"})
    headers = {"Min-Position": str(position)}
    board = member.get(f"/api/events/{event_id}/leaderboard", headers=headers).json()
    assert [entry["name"] for entry in board["entries"]] == ["Another Name"]
    keys = "SELECT number, key IS NULL FROM events.person_keys WHERE person = %s ORDER BY 1"
    assert ask(product.database_url, keys, who) == [(1, True), (2, False)]
    topics = "SELECT topic FROM events.log WHERE originator_id = %s ORDER BY originator_version"
    assert [t for (t,) in ask(product.database_url, topics, f"attendee:{event_id}:{who}")] == [
        "AttendeeRegistered",
        "AttendeeProfileChanged",
        "AttendeeErased",
        "AttendeeRegistered",
    ]


def test_speaker_is_erased_at_one_event_and_no_import_brings_them_back(product: Product) -> None:
    event_id, another = product.event(), product.event()
    with product.client("admin", "admin") as admin:
        put(admin, f"/api/events/{event_id}/speakers/p1", SPEAKER, **{"Idempotency-Key": event_id})
        put(admin, f"/api/events/{another}/speakers/p1", {"name": "Somebody Else"})
    done = run(product, "erase", f"{event_id}:p1", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    told(product)
    assert found(product, SPEAKER) == {}
    names = "SELECT event_id, name FROM views.agenda_speakers WHERE event_id = ANY(%s) ORDER BY 1"
    shown = dict(ask(product.database_url, names, [event_id, another]))
    assert shown == {event_id: "Erased", another: "Somebody Else"}


def test_schedule_goes_out_without_a_speaker_who_is_erased(product: Product) -> None:
    event_id = product.event()
    path = f"/api/events/{event_id}"
    talk = {"title": "A talk", "start_time": "2026-11-01T12:00:00Z", "speaker_ids": ["p1"]}
    with product.client("eve", f"event:{event_id}:organizer") as eve:
        put(eve, f"{path}/speakers/p1", SPEAKER)
        put(eve, f"{path}/agenda/talk", talk | {"end_time": "2026-11-01T13:00:00Z"})
        reads = [f"{path}/{name}" for name in ("schedule.json", "schedule.ics", "schedule")]
        before = [eve.get(read).text for read in reads]
        run(product, "erase", f"{event_id}:p1", "--yes").check_returncode()
        told(product)
        after = [eve.get(read).text for read in reads]
    assert [SPEAKER["name"] in text for text in before] == [True] * 3
    assert [[w for w in words(SPEAKER) if w in text.encode()] for text in after] == [[], [], []]
    assert ["Erased" in text for text in after] == [True] * 3


def test_secret_link_of_somebody_erased_opens_nothing_any_more(
    product: Product, at_event: Any
) -> None:
    event_id, who, member = at_event
    link = member.put(f"/api/events/{event_id}/calendar-link").json()["path"]
    another = product.event()
    with product.member(another, who) as elsewhere, product.client("", "") as calendar:
        other_link = elsewhere.put(f"/api/events/{another}/calendar-link").json()["path"]
        assert [calendar.get(path).status_code for path in (link, other_link)] == [200, 200]
        run(product, "erase", who, "--yes").check_returncode()
        assert [calendar.get(path).status_code for path in (link, other_link)] == [404, 404]
    assert member.put(f"/api/events/{event_id}/calendar-link").json()["open"]


def test_erasing_again_changes_nothing_and_a_stranger_is_unknown(
    product: Product, at_event: Any
) -> None:
    _event_id, who, _member = at_event
    run(product, "erase", who, "--yes").check_returncode()
    end = ask(product.database_url, "SELECT max(notification_id) FROM events.log")
    again = run(product, "erase", who, "--yes")
    assert (again.returncode, again.stdout.startswith(f"{who} was erased at")) == (0, True)
    stranger = run(product, "erase", "nobody-at-all", "--yes")
    assert (stranger.returncode, stranger.stdout) == (1, "")
    assert "Nothing personal is held of nobody-at-all" in stranger.stderr
    assert ask(product.database_url, "SELECT max(notification_id) FROM events.log") == end


def test_nobody_is_erased_without_a_word(product: Product, at_event: Any) -> None:
    _event_id, who, _member = at_event
    asked = run(product, "erase", who)
    assert (asked.returncode, asked.stderr) == (2, "Say --yes where nobody can be asked.\n")
    key = "SELECT key IS NULL FROM events.person_keys WHERE person = %s"
    assert ask(product.database_url, key, who) == [(False,)]


def test_export_has_all_that_is_held_and_says_what_it_left_out(
    product: Product, at_event: Any, tmp_path: Path
) -> None:
    event_id, who, _member = at_event
    product.attendee(event_id, "ben", company="Of Ben Alone")
    view = {"action": "view_profile", "target_member_id": who, "ts": "2026-11-01T12:00:00Z"}
    with product.member(event_id, "ben") as ben:
        path = f"/api/events/{event_id}/missions/meet_attendees/telemetry"
        ben.post(path, json=view).raise_for_status()
    told(product)
    file = tmp_path / "export.json"
    done = run(product, "export", who, "--out", str(file))
    assert done.returncode == 0, done.stderr
    exported = msgspec.json.decode(file.read_bytes())
    assert [event["type"] for event in exported["events"]] == [
        "AttendeeRegistered",
        "AttendeeProfileChanged",
        "MissionCompleted",
    ]
    assert exported["events"][1]["facts"]["profile"].items() >= WORDS.items()
    assert [named["type"] for named in exported["named"]] == ["AttendeeViewed"]
    assert {"leaderboard", "member_areas", "mission_ledger"} <= exported["shown"].keys()
    assert [reply["idempotency_key"] for reply in exported["replies"]] == [f"key-{event_id}"]
    assert exported["left_out"] != []
    assert "Of Ben Alone" not in file.read_text(encoding="utf-8")
    assert run(product, "export", "nobody-at-all").stderr.startswith("Nothing is held of")
