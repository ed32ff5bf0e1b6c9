"""Where words of somebody still stand: in a dump of the whole database, which has every table in
it, in what the planner remembers, and in the files of JetStream."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict

from domain.errors import Unavailable
from sql import statements
from workers.postgres_binaries import find

SQL = statements("people")
ENVIRONMENT = {"dbname": "DATABASE", "application_name": "APPNAME"}  # else as in a conninfo
SHORTEST = 3  # letters; what is shorter stands everywhere
COPY = re.compile(r"COPY (\S+) \(.*\) FROM stdin;\n")
JETSTREAM = "JetStream"
HEX = re.compile(r"\\\\x([0-9a-f]+)")


class Words:
    """What somebody said of themselves, to be looked for."""

    def __init__(self, id_: str, said: Iterable[str]) -> None:
        forms = {form for word in said if word != id_ for form in _forms(word)}
        known = sorted((f for f in forms if len(f) >= SHORTEST), key=len, reverse=True)
        self.many = len(known)
        either = "|".join(map(re.escape, known)) or r"(?!)"
        self._word = re.compile(rf"(?<!\w)(?:{either})(?!\w)")
        self._whose = re.compile(rf"(?<![\w.-]){re.escape(id_)}(?![\w.-])")

    def among(self, text: str) -> bool:
        return self._word.search(text) is not None

    def name(self, text: str) -> bool:
        """Whether it says whose it is."""
        return self._whose.search(text) is not None


def _forms(word: str) -> set[str]:
    """As it is, in JSON, in JSON of ASCII, in a COPY of that, and in an address."""
    plain = msgspec.json.encode(word).decode()[1:-1]
    escaped = word.encode("ascii", "backslashreplace").decode()
    return {word, plain, plain.replace("\\", "\\\\"), escaped, quote(word)}


class Traces(Struct):
    """How often, by the place: rows that name the person, and such that name nobody we know."""

    theirs: Counter[str]
    others: Counter[str]
    rows: int = 0
    tables: int = 0
    files: int = 0

    def add(self, place: str, text: str, words: Words) -> None:
        self.rows += 1
        if words.among(text):
            (self.theirs if words.name(text) else self.others)[place] += 1


def search(database_url: str, store: Path | None, words: Words) -> Traces:
    traces = Traces(Counter(), Counter())
    for place, text in _dumped(database_url, traces):
        traces.add(place, text, words)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for place, text in connection.execute(SQL["statistics"]):
            if words.among(text):  # they say of no word whose it is
                traces.others[place] += 1
    for file in sorted(store.rglob("*")) if store else ():
        if file.is_file():
            traces.files += 1
            if words.among(file.read_bytes().decode(errors="replace")):
                traces.theirs[JETSTREAM] += 1
    return traces


def _dumped(database_url: str, traces: Traces) -> Iterator[tuple[str, str]]:
    """Each row of each table, with what is in bytes as text."""
    table = ""
    for line in dump(database_url):
        if table and line == "\\.\n":
            table = ""
        elif table:
            yield table, HEX.sub(_text, line)
        elif found := COPY.match(line):
            table = found[1]
            traces.tables += 1


def _text(found: re.Match[str]) -> str:
    return bytes.fromhex(found[1]).decode(errors="replace")


def program(name: str) -> Path:
    """One of those that come with PostgreSQL."""
    folder = find(None).folder
    path = folder / name if (folder / name).exists() else Path(shutil.which(name) or "")
    if not path.is_file():
        raise Unavailable(f"There is no {name} here. Install the client programs of PostgreSQL.")
    return path


def environment(database_url: str) -> dict[str, str]:
    """Says where the database is to the programs of PostgreSQL: a password on a command line would
    be read by everyone."""
    given = {k: str(v) for k, v in conninfo_to_dict(database_url).items() if v is not None}
    named = {f"PG{ENVIRONMENT.get(k, k.upper())}": v for k, v in given.items()}
    return {**os.environ, **named}


def dump(database_url: str) -> Iterator[str]:
    """As `pg_dump` writes it, line by line."""
    command = [str(program("pg_dump"))]
    with subprocess.Popen(  # noqa: S603 - a program of ours
        command,
        env=environment(database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as running:
        assert running.stdout  # noqa: S101 - it is piped
        assert running.stderr  # noqa: S101 - it is piped
        yield from running.stdout
        said = running.stderr.read().strip()
    if running.returncode:
        raise Unavailable(f"pg_dump could not read the database: {said.splitlines()[-1][:300]}")
