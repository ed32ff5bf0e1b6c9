"""Records of what was answered, heard and read during a proof: files of JSON lines, each appended
to by one process. A last line that a kill has cut off is ignored.

Times are those of the monotonic clock, which all processes of a machine share."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from workers.proof.acts import Act


class Entry(Struct, frozen=True, omit_defaults=True, tag="answer"):
    """An act and its answer. A member's acts come one after another, each after the answer to the
    one before. `again`: it was sent under a key that had been answered before. A position of -1:
    the proof ended before there was an answer. `reply` is a digest; `sent` and `at` are in
    seconds."""

    act: Act
    position: int
    reply: str
    sent: float
    at: float
    attempts: int = 1
    key: str | None = None
    again: bool = False


class Refusal(Struct, frozen=True, tag="refusal"):
    """An act with an answer that no act of a proof should get."""

    act: Act
    answer: str


class Ended(Struct, frozen=True, tag="ended"):
    """A writer has ended, and waits for no answer."""

    member: str


class Tally(Struct, frozen=True, tag="tally"):
    """How often a fault was caused."""

    what: str
    count: int


class Heard(Struct, frozen=True, array_like=True):
    """A message that a reader of a member's live feed received."""

    reader: str
    member: str
    position: int
    type: str
    data: msgspec.Raw


class Mark(Struct, frozen=True, array_like=True):
    """A position that the probe saw, by `kind`: `acked`, `shown` by the read model, or `heard`."""

    kind: str
    position: int
    at: float
    sent: float = 0.0


class LineWriter:
    """Appends JSON lines to a file."""

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


class LineReader:
    """Reads lines of a file, each once."""

    def __init__(self, path: Path, type_: Any) -> None:
        self._path = path
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(type_)
        self._read = 0

    def new(self) -> Iterator[Any]:
        """The lines that were appended since the last call."""
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
    return list(LineReader(path, type_).new())
