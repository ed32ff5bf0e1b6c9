"""Searches for what a person said of themselves: in a dump of the database, which has every table,
in the planner's statistics, and in JetStream, its files or its messages."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import msgspec
import nats.errors
import psycopg
from msgspec import Struct, field
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from domain.errors import Unavailable
from sql import statements
from workers.bus import messages as bus
from workers.operations.dumps import dump_lines

SQL = statements("people")
NAME = str(bus.STREAM.name)
CONSUMER = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60)
PAGE = 500  # messages
TIMEOUT = 10.0  # seconds for a page
SHORTEST = 3  # letters: what is shorter is found everywhere
COPY = re.compile(r"COPY (\S+) \(.*\) FROM stdin;\n")
JETSTREAM = "JetStream"
COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})
HEX = re.compile(r"\\\\x([0-9a-f]+)")


class Words:
    """Texts of a person, in every form in which they may be stored, to be searched for; and pieces
    of ids that tell of a name of theirs."""

    def __init__(self, id_: str, texts: Iterable[str], in_ids: Iterable[str] = ()) -> None:
        forms = {form for word in texts if word != id_ for form in _forms(word)}
        known = sorted((f for f in forms if len(f) >= SHORTEST), key=len, reverse=True)
        self.count = len(known)
        either = "|".join(map(re.escape, known)) or r"(?!)"
        self._word = re.compile(rf"(?<!\w)(?:{either})(?!\w)")
        self._whose = re.compile(rf"(?<![\w.-]){re.escape(id_)}(?![\w.-])")

        pieces = "|".join(map(re.escape, sorted(in_ids, key=len, reverse=True))) or r"(?!)"
        self._in_id = re.compile(rf"(?<![A-Za-z0-9])(?:{pieces})(?![A-Za-z0-9])", re.I)

    def in_ids(self, text: str) -> bool:
        """Whether an id in `text` tells of a name."""
        return self._in_id.search(text) is not None

    def among(self, text: str) -> bool:
        """Whether one of them is in `text`, as words of their own."""
        return self._word.search(text) is not None

    def name(self, text: str) -> bool:
        """Whether `text` names the person by their id."""
        return self._whose.search(text) is not None


def _forms(word: str) -> set[str]:
    """The text plain, in a URL, in JSON and in an array, and each of these as COPY escapes it."""
    in_json = msgspec.json.encode(word).decode()[1:-1]
    in_array = word.replace("\\", "\\\\").replace('"', '\\"')
    forms = {word, quote(word), in_json, in_array}
    return forms | {form.translate(COPY_ESCAPES) for form in forms}


class Traces(Struct):
    """How many rows have words of the person, by table or place: `theirs` name the person too,
    `others` do not; in `ids` a name stands inside an id alone. And how much was searched."""

    theirs: Counter[str]
    others: Counter[str]
    ids: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    tables: int = 0
    files: int = 0
    messages: int = 0

    def add(self, place: str, text: str, words: Words) -> None:
        self.rows += 1
        if words.among(text):
            (self.theirs if words.name(text) else self.others)[place] += 1
        elif words.in_ids(text):
            self.ids[place] += 1

    def add_message(self, text: str, words: Words) -> None:
        """Adds what is JetStream's: it holds nothing that others say."""
        if words.among(text):
            self.theirs[JETSTREAM] += 1
        elif words.in_ids(text):
            self.ids[JETSTREAM] += 1


def search(database_url: str, store: Path | None, words: Words) -> Traces:
    traces = Traces(Counter(), Counter())
    for place, text in _dumped(database_url, traces):
        traces.add(place, text, words)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for place, text in connection.execute(SQL["statistics"]):
            if words.among(text):  # statistics name no person
                traces.others[place] += 1
            elif words.in_ids(text):
                traces.ids[place] += 1
    for file in sorted(store.rglob("*")) if store else ():
        if file.is_file():
            traces.files += 1
            traces.add_message(file.read_bytes().decode(errors="replace"), words)
    return traces


async def search_messages(nats_url: str, words: Words, traces: Traces) -> None:
    """Searches all messages of the stream, which keeps them."""
    client = await bus.connect(nats_url, "erase")
    try:
        jetstream = client.jetstream()
        with suppress(NotFoundError):
            left = (await jetstream.stream_info(NAME)).state.messages
            reader = await jetstream.pull_subscribe("events.>", stream=NAME, config=CONSUMER)
            while left > 0:
                page = await reader.fetch(min(left, PAGE), timeout=TIMEOUT)
                left -= len(page)
                traces.messages += len(page)
                for message in page:
                    text = f"{message.headers} {message.data.decode(errors='replace')}"
                    traces.add_message(text, words)
    except (nats.errors.Error, OSError) as e:
        raise Unavailable(f"NATS did not say all that it has: {e}. Run this again.") from e
    finally:
        await client.close()


def _dumped(database_url: str, traces: Traces) -> Iterator[tuple[str, str]]:
    """Gives (table, row as COPY writes it) for every table, with bytea columns as text."""
    table = ""
    for line in dump_lines(database_url):
        if table and line == "\\.\n":
            table = ""
        elif table:
            yield table, HEX.sub(_text, line)
        elif found := COPY.match(line):
            table = found[1]
            traces.tables += 1


def _text(found: re.Match[str]) -> str:
    return bytes.fromhex(found[1]).decode(errors="replace")
