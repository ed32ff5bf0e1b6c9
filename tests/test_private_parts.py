"""Private parts of libraries that this product uses. A release that has changed one of them fails
here by name, and pyproject.toml keeps the releases out in which that may happen."""

import ast
import inspect
import logging
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.postgres import PostgresAggregateRecorder, PostgresApplicationRecorder
from nats.aio.client import Client
from nats.aio.transport import TcpTransport
from uvicorn import Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.product import ROOT

FOLDERS = ("api", "domain", "projections", "sql", "workers")
OF_LIBRARIES = {"_insert_stored_events", "_lock_table", "_notify_channel", "_srcfile", "_transport"}
DOCUMENTED = {"_asdict", "_replace"}  # of named tuples

CALLED: tuple[tuple[Callable[..., Any], list[str]], ...] = (
    # api/http/protocol.py
    (HttpToolsProtocol.connection_made, ["self", "transport"]),
    (HttpToolsProtocol.connection_lost, ["self", "exc"]),
    (HttpToolsProtocol.data_received, ["self", "data"]),
    (HttpToolsProtocol.on_message_begin, ["self"]),
    (HttpToolsProtocol.on_headers_complete, ["self"]),
    (HttpToolsProtocol.on_message_complete, ["self"]),
    (HttpToolsProtocol.send_400_response, ["self", "msg"]),
    (RequestResponseCycle.send, ["self", "message"]),
    # api/server.py
    (Server.shutdown, ["self", "sockets"]),
    # workers/bus/messages.py
    (TcpTransport.close, ["self"]),
    # domain/store/recorder.py
    (PostgresApplicationRecorder._lock_table, ["self", "curs"]),
    (PostgresApplicationRecorder._notify_channel, ["self", "curs"]),
    (PostgresAggregateRecorder._insert_stored_events, ["self", "curs", "stored_events", "_"]),
)


@pytest.mark.parametrize(
    ("part", "parameters"), CALLED, ids=[part.__qualname__ for part, _ in CALLED]
)
def test_private_method_takes_what_it_is_given(
    part: Callable[..., Any], parameters: list[str]
) -> None:
    assert list(inspect.signature(part).parameters) == parameters


@pytest.mark.parametrize(
    ("owner", "attributes"),
    [
        (HttpToolsProtocol, {"cycle", "loop", "transport"}),
        (RequestResponseCycle, {"response_started", "response_complete", "transport"}),
        (Client, {"_transport"}),
    ],
)
def test_private_attribute_is_set_by_its_owner(owner: type, attributes: set[str]) -> None:
    assert attributes <= _set_on_self(inspect.getsource(owner))


def test_logging_looks_for_its_caller_by_a_name_that_can_be_unset() -> None:
    """https://docs.python.org/3/howto/logging.html#optimization"""
    assert hasattr(logging, "_srcfile")


@pytest.mark.parametrize("library", ["eventsourcing", "nats-py", "uvicorn"])
def test_library_whose_private_parts_are_used_is_bounded_from_above(library: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (asked,) = (d for d in project["dependencies"] if re.match(rf"{library}\b", d))
    assert re.search(r"<\d+\.\d+$", asked), asked


def test_private_parts_of_libraries_are_those_that_are_named_here() -> None:
    used: set[str] = set()
    defined: set[str] = set()
    for file in _files():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used.update(_used(tree))
        defined.update(_defined(tree))
    assert {name for name in used - defined if _is_private(name)} == OF_LIBRARIES | DOCUMENTED


def _files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (ROOT / folder).rglob("*.py")


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _used(tree: ast.AST) -> Iterator[str]:
    """Attributes that are read, or set on another object: `logging._srcfile = None`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "self"
            if isinstance(node.ctx, ast.Load) or not own:
                yield node.attr


def _defined(tree: ast.AST) -> Iterator[str]:
    """The names of functions, classes, variables, fields and attributes."""
    yield from _set_on_self(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _set_on_self(source: str | ast.AST) -> set[str]:
    tree = ast.parse(source) if isinstance(source, str) else source
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
