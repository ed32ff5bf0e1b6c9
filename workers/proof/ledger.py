"""What was answered, heard and read while things failed: lines of JSON, each file written by one
process and only ever added to. What a kill cuts off at the end is no line yet.

Times are those of the monotonic clock, which all processes of a machine share."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from workers.proof.acts import Act


class Entry(Struct, frozen=True, omit_defaults=True, tag="answer"):
    """An act and what was answered. Acts of one member come one after another, each after the
    answer to the last; `again` was sent under a key that had been answered before. A position of
    -1: the proof was over before there was an answer."""

    act: Act
    position: int
    reply: str
    sent: float
    at: float
    attempts: int = 1
    key: str | None = None
    again: bool = False


class Refusal(Struct, frozen=True, tag="refusal"):
    """An answer that nothing here should get."""

    act: Act
    answer: str


class Ended(Struct, frozen=True, tag="ended"):
    """A writer has done all it began, and waits for no answer."""

    member: str


class Tally(Struct, frozen=True, tag="tally"):
    """How often something was done to what runs."""

    what: str
    count: int


class Heard(Struct, frozen=True, array_like=True):
    """A message, as it came to a reader of a member's live feed."""

    reader: str
    member: str
    position: int
    type: str
    data: msgspec.Raw


class Mark(Struct, frozen=True, array_like=True):
    """Of the probe: a position that was `acked`, `shown` by the read model, or `heard`."""

    kind: str
    position: int
    at: float
    sent: float = 0.0


class Book:
    """A file to add lines to."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._encoder = msgspec.json.Encoder()

    def write(self, line: Any) -> None:
        self._file.write(self._encoder.encode(line) + b"\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._file.close()


class Page:
    """What is new in a file, each time it is asked for."""

    def __init__(self, path: Path, type_: Any) -> None:
        self._path = path
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(type_)
        self._read = 0

    def new(self) -> Iterator[Any]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                yield self._decoder.decode(line)


def lines(path: Path, type_: Any) -> list[Any]:
    return list(Page(path, type_).new())
