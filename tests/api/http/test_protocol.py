"""Requests that are never whole, and those that ask too much before they are."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from api.http import protocol
from api.http.problems import MEDIA_TYPE
from api.http.protocol import LARGEST_HEAD, Protocol
from tests.product import Product

BEGUN = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


def refused(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert f"Content-Type: {MEDIA_TYPE}".encode() in head
    assert b'"status":%d' % status in body


@pytest.mark.parametrize(
    "piece",
    [b"x: y\r\n" * 1_000, b"X-Long: " + b"x" * 10_000 + b"\r\n", b"x" * 10_000],
    ids=["many small", "long ones", "one without an end"],
)
def test_head_without_an_end_is_refused(product: Product, piece: bytes) -> None:
    pieces = [piece] * (LARGEST_HEAD * 4 // len(piece))
    with socket.create_connection(("127.0.0.1", product.port), timeout=10) as connection:
        connection.sendall(BEGUN)
        answer = b""
        try:
            for each in pieces:
                connection.sendall(each)
            while more := connection.recv(65536):
                answer += more
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up while we were still talking
    if answer:
        refused(answer, 431)


def test_large_head_that_ends_in_time_is_taken(product: Product) -> None:
    headers = {f"X-{i}": "x" * 1_000 for i in range(50)}
    assert httpx.get(f"{product.url}/health/live", headers=headers).status_code == 200


def test_idle_connections_are_kept_longer_than_proxies_keep_theirs() -> None:
    """nginx keeps them for 60 s, a balancer of AWS too, Caddy for 120 s."""
    assert protocol.IDLE > 120


# Alone, with less patience
async def slow(scope: Any, receive: Any, send: Any) -> None:
    """Reads its request, then answers for longer than a request may take."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(4):
        await send({"type": "http.response.body", "body": b"tick ", "more_body": True})
        await asyncio.sleep(protocol.TIMEOUT / 2)
    await send({"type": "http.response.body", "body": b"done"})


async def heard(*pieces: bytes) -> bytes:
    """All that is answered, up to the end of the connection."""
    config = uvicorn.Config(slow, http=Protocol, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Protocol(config, state, {}), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "TIMEOUT", 0.2)
    monkeypatch.setattr(protocol, "IDLE", 0.2)


@pytest.mark.usefixtures("hasty")
def test_who_connects_and_says_nothing_is_hung_up_on() -> None:
    assert asyncio.run(heard()) == b""


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("sent", [BEGUN, BEGUN + b"Content-Length: 10\r\n\r\n12345"])
def test_request_that_does_not_get_whole_is_408(sent: bytes) -> None:
    refused(asyncio.run(heard(sent)), 408)


@pytest.mark.usefixtures("hasty")
def test_answer_may_take_as_long_as_it_does() -> None:
    end = b"Content-Length: 2\r\nConnection: close\r\n\r\n1"
    assert b"done" in asyncio.run(heard(BEGUN + end, b"2"))
