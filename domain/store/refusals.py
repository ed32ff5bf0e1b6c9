"""How the store keeps what a refusal says: in tables beside the log, which can be forgotten."""

import msgspec
from msgspec import Struct

from domain import errors
from domain.aggregate import StreamName

DETAIL = 500  # characters that are kept of what the refusal of a command in a bulk says


class BulkRefusal(Struct, frozen=True):
    """One row of events.bulk_refusals: `command` is its index, from 0, in the bulk of this stream;
    `problem` is the stored name of the refusal's class."""

    stream: StreamName
    command: int
    principal: str
    problem: str
    reply: bytes


def encode(problem: errors.Problem, most: int | None = None) -> bytes:
    """Its detail, up to `most` characters of it, and its errors."""
    return msgspec.json.encode((problem.detail[:most], *problem.errors))


def decode(name: str, reply: bytes | None) -> errors.Problem:
    """A refusal in the words it was kept in; in those of its class where they were forgotten."""
    if reply is None:
        return errors.restored(name, "")
    detail, *wrong = msgspec.json.decode(reply)
    return errors.restored(name, detail, map(tuple, wrong))


def of_bulk(
    stream: StreamName, command: int, principal: str, problem: errors.Problem
) -> BulkRefusal:
    name = errors.stored_name(problem)
    return BulkRefusal(stream, command, principal, name, encode(problem, DETAIL))
