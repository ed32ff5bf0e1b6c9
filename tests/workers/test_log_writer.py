"""Log lines that nobody reads hold up nobody; and none is lost that can be written."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from tests.product import ROOT, Product
from tests.waiting import PATIENCE
from workers import log_writer
from workers.log_writer import LogWriter
from workers.servers.processes import until
from workers.telemetry import JsonLines

LOG = logging.getLogger("tests.log_writer")
FULL = 1 << 20  # bytes: more than any pipe holds
PIPE = 1 << 16  # bytes that one holds


@contextmanager
def writing() -> Iterator[tuple[LogWriter, int]]:
    """A writer to a pipe that nobody reads, and the end to read it by."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream:
        writer = LogWriter(stream)
        writer.setFormatter(JsonLines())
        LOG.addHandler(writer)
        LOG.propagate = False
        try:
            yield writer, read_end
        finally:
            LOG.removeHandler(writer)
            LOG.propagate = True
            os.close(read_end)  # who is still writing is told that nobody reads
            writer.close()


def messages(read_end: int) -> Iterator[str]:
    rest = b""
    while True:
        *lines, rest = (rest + os.read(read_end, FULL)).split(b"\n")
        yield from (json.loads(line)["message"] for line in lines)


def test_event_loop_does_not_wait_for_who_does_not_read() -> None:
    async def story() -> None:
        for number in range(500):
            LOG.warning("%s %s", number, "x" * 1_000)
            await asyncio.sleep(0)

    with writing() as (_, read_end):
        asyncio.run(story())  # it would never end
        said = [*islice(messages(read_end), 500)]
    assert [message.split()[0] for message in said] == [*map(str, range(500))]


def test_lines_that_are_too_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "MOST", 300)
    with writing() as (_, read_end):
        for number in range(1_000):
            LOG.warning("%s %s", number, "x" * 1_000)
        written = lost = 0
        for message in messages(read_end):
            number = int(message.split()[0])
            if "were lost" in message:
                lost += number
            else:
                assert number >= written
                written += 1
            if written + lost == 1_000:
                break
    assert written >= 300
    assert lost > 0


ENDINGS = {
    "returns": "",
    "raises": "raise LookupError('last')",
    "exits": "sys.exit(3)",
    "by its signal": "telemetry.end(); signal.raise_signal(signal.SIGTERM)",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_no_line_is_lost_at_the_end(ending: str) -> None:
    program = (
        "import logging, signal, sys\nfrom workers import telemetry\ntelemetry.log_json()\n"
        f"for n in range(2000): logging.info('%s', n)\n{ending}"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False, text=True
    )
    said = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert said[:2000] == [*map(str, range(2000))]
    assert said[2000:] == (["ended by an error"] if "raise L" in ending else [])


def test_process_whose_lines_nobody_reads_ends_all_the_same() -> None:
    program = (
        "import logging\nfrom workers import telemetry\ntelemetry.log_json()\n"
        "for n in range(2000): logging.info('%s', 'x' * 1000)\nprint('done', flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"done\n"
    assert process.wait(PATIENCE) == 0
    process.communicate()


def test_api_answers_while_nobody_reads_its_lines(product: Product, tmp_path: Path) -> None:
    event = product.event({"id": "goals"})
    other = Product(product.database_url, product.nats_url, tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "api", "serve"],
        cwd=ROOT,
        env=other.environment,
        stderr=subprocess.PIPE,
    )
    try:
        assert until(other._answers, PATIENCE)
        path, done = f"/api/events/{event}/missions", 0
        with other.member(event, "ada") as ada:
            while done < 400:  # a line each, of 250 bytes and more
                body = {"status": ("completed", "not_started")[done % 2]}
                done += ada.patch(f"{path}/goals", json=body).status_code == 200
            assert ada.get(path).status_code == 200
        process.terminate()
        assert process.stderr
        written = process.stderr.read()
        assert (process.wait(), len(written) > PIPE) == (-signal.SIGTERM, True)
        assert written.count(b'"new_status"') == 400
    finally:
        process.kill()
        process.communicate()
