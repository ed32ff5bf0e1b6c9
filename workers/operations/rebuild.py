"""`python -m workers rebuild`: read models built anew from the log, while they go on being read."""

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence

import psycopg
import uvloop

from domain.errors import Invalid, Problem, Unavailable
from projections.engine.difference import Difference
from projections.engine.rebuild import SHOWN, Different, Observer, Rebuilt, rebuild
from projections.read_model import ReadModel
from projections.read_models import READ_MODELS
from workers import settings
from workers.garbage import collect_rarely
from workers.progress import Progress
from workers.servers.command_database import unlocked
from workers.servers.external import why_no_database
from workers.servers.supervisor import say


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    chosen = list(_chosen(given.names, every=given.all))
    collect_rarely()
    _log_sentences()
    with unlocked(settings.read()) as url:
        return max(_rebuild(url, model, accept=given.accept) for model in chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers rebuild",
        description="Builds read models anew from the log and compares each with what it was. "
        "Nobody waits meanwhile; ended at any moment, it leaves the old one as it is.",
    )
    names = ", ".join(model.name for model in READ_MODELS)
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of {names}")
    parser.add_argument("--all", action="store_true", help="one after the other")
    parser.add_argument(
        "--accept",
        action="store_true",
        help="take the new one also where it does not hold the same",
    )
    return parser


def _chosen(names: Sequence[str], *, every: bool) -> Iterator[ReadModel]:
    known = {model.name: model for model in READ_MODELS}
    there = f"There are {', '.join(known)}; --all is each of them."
    if every and names:
        raise Invalid(f"Say either --all or {', '.join(names)}. {there}")
    if not every and not names:
        raise Invalid(f"Say which read models are to be rebuilt. {there}")
    if unknown := [name for name in names if name not in known]:
        raise Invalid(f"There is no read model {', '.join(unknown)}. {there}")
    yield from (known[name] for name in dict.fromkeys(names or known))


def _rebuild(url: str, model: ReadModel, *, accept: bool) -> int:
    """Rebuilds one read model and prints how that went. The exit code: 1 where it was refused."""
    observer = ProgressPrinter(model.name)
    try:
        done = uvloop.run(rebuild(url, model, accept, observer))
    except Different as e:
        observer.finish()
        _show(e.differences)
        return _fail(e)
    except Problem as e:
        return _fail(e)
    except psycopg.OperationalError as e:
        return _fail(why_no_database(e))
    except psycopg.ProgrammingError:
        return _fail(Unavailable("This database is of another version: run `make run`."))
    except KeyboardInterrupt:
        observer.finish()
        say(f"{model.name} stays as it is.")
        raise
    observer.finish()
    _show(done.different)
    say(summary(done, time.monotonic() - observer.began))
    return 0


class Sentences(logging.Formatter):
    """Formats a log record as its message alone."""

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage()


def _log_sentences() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Sentences())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _fail(e: Problem) -> int:
    print(e, file=sys.stderr, flush=True)
    return 1


def _show(found: Sequence[Difference]) -> None:
    for difference in found:
        for line in difference.lines():
            say(line)
    if len(found) >= SHOWN:
        say(f"These are the first {SHOWN}.")


def summary(done: Rebuilt, seconds: float) -> str:
    rows = sum(digest.rows for digest in done.digests)
    same = "not the same as before" if done.different else "the same as before"
    holds = f" It holds {rows:,} {'row' if rows == 1 else 'rows'}, {same}." if done.digests else ""
    return (
        f"{done.name} is rebuilt up to position {done.position:,} in {seconds:.1f} s "
        f"({done.position / seconds:,.0f}/s).{holds} "
        f"Readers waited {done.held * 1000:.0f} ms at most for the swap."
    )


class ProgressPrinter(Observer):
    """Prints how far a rebuild has come."""

    def __init__(self, name: str) -> None:
        self.began = time.monotonic()
        self._name = name
        self._progress: Progress | None = None

    def say(self, sentence: str) -> None:
        say(sentence)

    def reached(self, position: int, end: int) -> None:
        if self._progress is None:
            self._progress = Progress(end, f"events into {self._name}", out=sys.stdout)
        self._progress.reached(position)

    def finish(self) -> None:
        if self._progress:
            self._progress.finish()
