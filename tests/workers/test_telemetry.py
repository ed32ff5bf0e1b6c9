"""Logs that are always one line of JSON, traceparents that are always valid, and no secrets."""

import contextvars
import json
import logging
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.errors import Invalid
from projections.engine import parking
from tests.product import ROOT, SECRET, Product
from tests.store import ask
from workers import telemetry
from workers.settings import Settings, read
from workers.telemetry import JsonLines

PASSWORD = "hunter2-of-the-database"
NAMES = st.text().filter(lambda name: name not in telemetry._LOGGED_BY_PYTHON)
VALUES = st.one_of(
    st.none(),
    st.text(),
    st.text(st.characters(categories=["Cs"])),  # halves of characters
    st.integers(),
    st.floats(),
    st.binary(),
    st.lists(st.text()),
    st.dictionaries(st.integers(), st.text()),
    st.builds(object),
)
HEX = "0123456789abcdef"


def line(message: str, fields: dict[str, Any]) -> str:
    record = logging.getLogger("a.test").makeRecord(
        "a.test", logging.WARNING, "file.py", 1, message, (), None, extra=fields
    )
    return JsonLines().format(record)


@given(st.text(), st.dictionaries(NAMES, VALUES))
def test_a_log_line_is_one_line_of_json_whatever_is_said(
    message: str, fields: dict[str, Any]
) -> None:
    written = line(message, fields)
    said = json.loads(written)

    assert b"\n" not in written.encode()
    assert said.keys() == {"at", "level", "logger", "message"} | fields.keys()
    assert (said["level"], said["logger"], said["message"]) == ("warning", "a.test", message)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("INSERT INTO held VALUES (%s, 0)", "violates check constraint"),
        (
            r"""SELECT format('{"name": "%%s\u0000"}', %s::text)::json ->> 'name'""",
            "Unicode escape",
        ),
        ("""SELECT format('{"name": "%%s"', %s::text)::json""", "invalid input syntax"),
    ],
)
def test_no_log_line_holds_the_row_that_postgres_did_not_take(
    database: str, statement: str, says: str
) -> None:
    """Nor does what is kept of a problem: nobody could be erased from there."""
    ask(database, "CREATE TABLE held (name text, points int CHECK (points > 0))")
    name = "".join(["Quin", "tessa"])  # a traceback quotes the line that failed
    with pytest.raises(psycopg.Error, match=name) as raised:
        ask(database, statement, name)
    e = raised.value
    broken = (type(e), e, e.__traceback__)
    record = logging.getLogger("a.test").makeRecord(
        "a.test", logging.ERROR, "file.py", 1, "it stopped: %s", (e,), broken
    )
    kept = parking.said(e)
    written = json.loads(JsonLines().format(record))
    assert name not in written["exception"] + written["message"] + kept
    assert says in written["exception"]
    assert kept == written["message"].replace("it stopped", type(e).__name__)


def test_a_log_line_within_a_request_says_its_trace() -> None:
    def within(trace: str) -> str:
        telemetry.enter(trace)
        return line("said", {})

    trace = telemetry.new()
    said = json.loads(contextvars.copy_context().run(within, trace))
    assert said["trace_id"] == trace.split("-")[1]


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_a_traceparent_is_valid_as_the_standard_writes_it(
    trace: int, span: int, flags: int
) -> None:
    rest = f"{trace:032x}-{span:016x}-{flags:02x}"
    assert telemetry.valid(f"00-{rest}") == f"00-{rest}"
    assert telemetry.valid(f"cc-{rest}-of-a-later-version") == f"00-{rest}"


@given(st.text(HEX + "-_+ A\n", max_size=60))
def test_a_traceparent_that_is_malformed_is_none(text: str) -> None:
    """Fewer than 55 characters of the alphabet that breaks lax readers, or not in their places."""
    well_formed = re.fullmatch(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", text)
    assert bool(well_formed) or telemetry.valid(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",  # the version that never comes
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
    ],
)
def test_a_traceparent_that_the_standard_forbids_is_none(text: str) -> None:
    assert telemetry.valid(text) is None


def test_new_traceparents_are_valid_and_differ() -> None:
    made = {telemetry.new() for _ in range(1000)}
    assert {telemetry.valid(traceparent) for traceparent in made} == made
    assert len(made) == 1000


SECRETS = ("jwt_secret", "master_key", "openai_api_key", "fathom_api_key")


def test_settings_do_not_show_what_they_keep() -> None:
    secret = {name: f"secret-{name}" for name in Settings.__struct_fields__ if "url" in name}
    keys = {name: f"secret-{name}" for name in SECRETS}
    shown = repr(Settings(**secret | keys))

    public = {"public_url", "jwt_jwks_url", "openai_base_url", "fathom_api_url"}
    assert set(re.findall(r"secret-(\w+)", shown)) == public
    assert "database_url=..." in shown


@pytest.mark.parametrize("name", ["DATABASE_URL", "NATS_URL"])
def test_an_address_that_cannot_be_read_is_refused_without_its_password(name: str) -> None:
    address = {"DATABASE_URL": "postgres://u:hunter%2@h/d", "NATS_URL": "nats://u:hunter/2@h"}
    with pytest.raises(Invalid) as refused:
        read({name: address[name]})
    assert "hunter" not in str(refused.value)
    assert str(refused.value).startswith(f"{name} is no address.")


@pytest.fixture
def guarded(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Product]:
    """A product whose database password is one to look for."""
    with Product.running(with_password(new_database()), tmp_path) as product:
        product.stop_api()
        product.api_environment = product.environment  # with this password too
        product.start_api()
        yield product


def with_password(database_url: str) -> str:
    """The same database as another user, who may do the same."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE guarded SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    given = conninfo_to_dict(database_url) | {"user": "guarded", "password": PASSWORD}
    return make_conninfo("", **given)


def test_no_log_holds_a_secret_whatever_is_sent_and_whatever_is_away(guarded: Product) -> None:
    event = guarded.event({"id": "goals"})
    tokens = [guarded.token("ada", f"event:{event}:member"), guarded.token("ada", seconds=-1)]
    for token in (*tokens, f"{tokens[0]}x", "not-a-token-but-private"):
        odd_requests(guarded, event, token)
    with psycopg.connect(guarded.database_url, autocommit=True) as connection:
        connection.execute("ALTER ROLE guarded PASSWORD 'another'")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'guarded' AND pid <> pg_backend_pid()"
        )
        refused = odd_requests(guarded, event, tokens[0])
        connection.execute(f"ALTER ROLE guarded PASSWORD '{PASSWORD}'")
    guarded.stop()
    written = guarded.log("api") + guarded.log("workers")

    assert 503 in refused
    assert "password authentication failed" in written  # so there was something to look through
    for secret in (PASSWORD, SECRET, password(guarded.nats_url), *tokens, "not-a-token"):
        assert secret not in written
    for text in written.splitlines():
        assert isinstance(json.loads(text), dict), text


def odd_requests(product: Product, event: str, token: str) -> set[int]:
    path = f"/api/events/{event}/missions/goals"
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": token[:128]}
    with httpx.Client(base_url=product.url, timeout=20) as client:
        replies = [
            client.patch(path, headers=headers, json={"status": "completed"}),
            client.patch(path, headers=headers, content=b'{"status": "' + token.encode()),
            client.patch(f"{path}?token={token}", headers={"Cookie": f"session={token}"}, json={}),
            client.get(f"/{token}", headers={"Authorization": f"Basic {token}"}),
            client.post("/api/session", json={"token": token}),
        ]
    with socket.create_connection(("127.0.0.1", product.port)) as raw:
        raw.sendall(f"GET / HTTP/9.9\r\nAuthorization: {token}\r\nno header\r\n\r\n".encode())
        raw.recv(1000)
    return {reply.status_code for reply in replies}


def password(url: str) -> str:
    return url.split("@")[0].rsplit(":", 1)[1]


def test_a_process_that_cannot_start_does_not_say_why_with_a_secret(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": f"postgres://rapport:{PASSWORD}%zz@127.0.0.1/rapport",
        "DATA_DIR": str(tmp_path),
    }
    for arguments in (["-m", "api", "serve"], ["-m", "workers", "run"]):
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 2
        assert ended.stderr.startswith("DATABASE_URL is no address.")
        assert PASSWORD not in ended.stderr + ended.stdout


def test_the_line_about_a_patch_says_who_what_and_from_where_to_where(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        path, key = f"/api/events/{event}/missions/goals", {"Idempotency-Key": f"{time.time()}"}
        replies = [
            ada.patch(path, json={"status": "in_progress"}),
            ada.patch(path, json={"status": "completed"}, headers=key),
            ada.patch(path, json={"status": "completed"}, headers=key),
        ]
    positions = [int(reply.headers["Event-Position"]) for reply in replies]
    lines = [
        said
        for said in map(json.loads, product.log("api").splitlines())
        if said.get("event_id") == event
    ]

    who = {"event_id": event, "member_id": "ada", "mission_id": "goals"}
    fields = ("prior_status", "new_status", "tx_id", "repeated")
    assert [{name: said[name] for name in who} for said in lines] == [who] * 3
    assert [tuple(said[name] for name in fields) for said in lines] == [
        ("not_started", "in_progress", positions[0], False),
        ("in_progress", "completed", positions[1], False),
        (None, "completed", positions[1], True),
    ]
    assert len({said["trace_id"] for said in lines}) == 3
