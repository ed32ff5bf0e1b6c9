"""Helpers for tests of the API: problems, counts of events, and raw bytes."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg

from tests.product import Product

Json = dict[str, Any]


def problem(response: httpx.Response, status: int) -> Json:
    """The problem+json of an answer that must be one (RFC 9457)."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body: Json = response.json()
    assert body.keys() - {"errors"} == {"type", "title", "status", "detail"}
    assert body["status"] == status
    return body


def paths(response: httpx.Response) -> list[str]:
    """Which fields a 400 is about."""
    return [error["path"] for error in problem(response, 400)["errors"]]


def recorded(product: Product) -> int:
    with psycopg.connect(product.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM events.log").fetchone()
    assert row
    return int(row[0])


@contextmanager
def nothing_recorded(product: Product) -> Iterator[None]:
    before = recorded(product)
    yield
    assert recorded(product) == before


def said_raw(product: Product, *pieces: bytes, hang_up: bool = False) -> bytes:
    """All that the server answers to these bytes, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", product.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer
