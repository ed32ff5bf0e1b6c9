"""The live feed over HTTP. How it holds out against NATS is in test_feed.py."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from api.http.principal import LEEWAY
from domain.capabilities import AGGREGATES, RENAMED
from domain.missions import ResetMission, StartMission
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from sql import statements
from tests.api.agents.asking import problem
from tests.product import Product, messages
from workers.servers.processes import until

STATUSES = ("in_progress", "completed", "not_started")


def path(event: str, member: str = "me") -> str:
    return f"/api/events/{event}/members/{member}/stream"


def change(client: httpx.Client, event: str, times: int) -> list[int]:
    """The positions of so many changes to a mission, each to the status that comes next."""
    at = f"/api/events/{event}/missions"
    told = []
    for _ in range(times):
        now = STATUSES.index(client.get(at).json()["missions"][0]["status"])
        reply = client.patch(f"{at}/goals", json={"status": STATUSES[(now + 1) % 3]})
        told.append(int(reply.headers["Event-Position"]))
    return told


@contextmanager
def feed(
    client: httpx.Client, url: str, last: int | None = None
) -> Iterator[Iterator[dict[str, Any]]]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with client.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        lines = response.iter_lines()
        assert next(lines).startswith(":")
        yield messages(lines)


def heard(feed: Iterator[dict[str, Any]], times: int) -> list[int]:
    return [next(feed)["id"] for _ in range(times)]


@pytest.fixture(scope="module", autouse=True)
def ending(product: Product) -> "Iterator[Future[tuple[float, set[str], int]]]":
    """A quiet feed whose token ends while the tests below go on."""
    event = product.event()
    token = product.token("ada", f"event:{event}:member", seconds=2 - LEEWAY)

    def listen() -> tuple[float, set[str], int]:
        began = time.monotonic()
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=15) as ada:
            with ada.stream("GET", product.url + path(event)) as response:
                lines = set(response.iter_lines())
            seconds = time.monotonic() - began
            return seconds, lines, ada.get(product.url + path(event)).status_code

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(listen)


def test_feed_goes_on_after_what_was_heard_last(product: Product) -> None:
    """By the header, as browsers do, or by the query; the header is the later one."""
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        told = change(ada, event, 3)
        for last in (0, *told):
            ways = ((path(event), last), (f"{path(event)}?last_event_id={last}", None))
            for url, header in ways:
                with feed(ada, url, header) as messages_:
                    missed = [position for position in told if position > last]
                    assert heard(messages_, len(missed)) == missed
                    told += change(ada, event, 1)
                    assert heard(messages_, 1) == told[-1:]
        with feed(ada, f"{path(event)}?last_event_id=0", told[-2]) as messages_:
            assert heard(messages_, 1) == told[-1:]


@pytest.mark.parametrize("last", [None, 10**17])
def test_feed_begins_with_now_where_nothing_of_ours_was_heard(
    product: Product, last: int | None
) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        position = change(ada, event, 1)[0]
        ada.get(f"/api/events/{event}/missions", headers={"Min-Position": str(position)})
        with product.listening(event, "ada", after=0) as everything:
            assert heard(everything, 1) == [position]  # so the feed has come this far
        with feed(ada, path(event), last) as messages_:
            later = change(ada, event, 2)
            assert heard(messages_, 2) == later


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 19, "1 2"])
def test_last_event_that_is_no_position_is_400(product: Product, last: str) -> None:
    event = product.event()
    with product.member(event, "ada") as ada:
        problem(ada.get(path(event), headers={"Last-Event-ID": last}), 400)
        problem(ada.get(path(event), params={"last_event_id": last}), 400)


def test_feed_is_ones_own_and_organizers_hear_anyones(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada, product.client("eve", "admin") as eve:
        problem(ada.get(path(event, "bob")), 403)
        problem(httpx.get(product.url + path(event, "ada")), 401)
        with feed(eve, path(event, "ada")) as of_ada, feed(ada, path(event, "ada")) as own:
            told = change(ada, event, 2)
            assert heard(of_ada, 2) == heard(own, 2) == told


def test_feeds_of_two_members_and_two_windows_agree_and_do_not_mix(product: Product) -> None:
    event = product.event({"id": "goals"})
    with (
        product.member(event, "ada") as ada,
        product.member(event, "bob") as bob,
        feed(ada, path(event)) as window,
        feed(ada, path(event)) as other_window,
        feed(bob, path(event)) as of_bob,
    ):
        told = [(*change(ada, event, 1), *change(bob, event, 1)) for _ in range(3)]
        assert heard(window, 3) == heard(other_window, 3) == [a for a, _ in told]
        assert heard(of_bob, 3) == [b for _, b in told]


# Slow readers
MANY = 16_000
LONG = "m" * 128


def record_many(product: Product, event: str) -> None:
    """More than all buffers between us and the server hold."""
    history = History(
        open_recorder(product.database_url, statements("history")), AGGREGATES, RENAMED
    )

    async def record() -> None:
        by = Author("ada", event)
        kinds = (StartMission, ResetMission)
        commands = [
            kinds[i % 2](event_id=event, member_id="ada", mission_id=LONG) for i in range(MANY)
        ]
        for half in (commands[: MANY // 2], commands[MANY // 2 :]):
            await asyncio.gather(*(history.execute(command, by=by) for command in half))

    try:
        asyncio.run(record())
    finally:
        history.close()


def connected(product: Product, event: str, last: int) -> socket.socket:
    """A feed whose reader has hardly any room, and does not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", product.port))
    token = product.token("ada", f"event:{event}:member")
    lines = (f"GET {path(event)} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}")
    connection.sendall("\r\n".join((*lines, f"Last-Event-ID: {last}", "", "")).encode())
    return connection


def drained(connection: socket.socket) -> str:
    """Whatever is still in the pipes, up to where the server hung up."""
    pieces = []
    try:
        while piece := connection.recv(1 << 20):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces).decode()


def dropped(product: Product) -> float:
    lines = product.metrics().splitlines()
    return float(next(line for line in lines if line.startswith("live_dropped_total")).split()[1])


def test_reader_that_does_not_read_is_dropped_and_resumes_with_nothing_lost(
    product: Product,
) -> None:
    event = product.event({"id": LONG})
    before = dropped(product)
    with connected(product, event, 0) as slow, product.member(event, "ada") as ada:
        record_many(product, event)
        assert until(lambda: dropped(product) > before, 90)  # when all of them are on the bus
        assert ada.get("/health/live").status_code == 200  # nobody else has noticed
        said = drained(slow)
        complete = said[: said.rindex("\n\n") + 2].splitlines()
        first = [message["id"] for message in messages(iter(complete)) if "id" in message]
        with feed(ada, path(event), first[-1]) as resumed:
            rest = heard(resumed, MANY - len(first))
    everything = [*first, *rest]
    assert len(first) < MANY
    assert everything == list(range(everything[0], everything[0] + MANY))


# Last, for it takes as long as a heartbeat
def test_feed_ends_with_its_token_and_then_is_401(
    product: Product, ending: "Future[tuple[float, set[str], int]]"
) -> None:
    seconds, lines, status_after = ending.result(20)
    assert 1 <= seconds < 15
    (retry,) = (line for line in lines if line.startswith("retry: "))
    assert 500 <= int(retry.removeprefix("retry: ")) <= 2_000
    assert (lines - {retry}, status_after) == ({":", ""}, 401)
