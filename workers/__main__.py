"""`python -m workers`: what runs beside the web, and the whole."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

QUIET = __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler
if QUIET:  # what follows takes a moment: whoever ends it there needs no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from domain.errors import Invalid, Problem  # noqa: E402
from workers import settings  # noqa: E402
from workers.servers import supervisor  # noqa: E402
from workers.servers.datadir import out_of_reach  # noqa: E402


def serve() -> int:
    supervisor.serve(settings.read())
    return 0


def demo() -> int:
    from workers.demo.fill import fill

    supervisor.serve(settings.read(), when_ready=fill, log="demo.log")
    return 0


def run() -> int:
    from workers.run import main

    main(settings.read())
    return 0


class Command(NamedTuple):
    """`run` is a function without arguments, or the name of a module in `workers` whose `main`
    parses those behind the command. Both return the exit code. Modules are imported only when they
    are needed."""

    name: str
    run: Callable[[], int] | str
    text: str


COMMANDS = (
    Command("serve", serve, "run everything: servers, migrations, workers, web"),
    Command("demo", demo, "the same, and fill it with a conference that looks alive"),
    Command("migrate", "operations.migrate", "bring the database up to date (--after)"),
    Command("run", run, "the relay, the projector and the workers alone"),
    Command("backup", "operations.backup", "write all of the database to a file: backup FILE"),
    Command("restore", "operations.restore", "a backup into an empty database: restore FILE"),
    Command("drill", "operations.drill", "restore a backup made under load, and check it"),
    Command("erase", "operations.erase", "forget a person: erase MEMBER [--yes]"),
    Command("export", "operations.export", "all that is held about a person: export MEMBER"),
    Command("import-attendees", "attendees.command", "take a list of attendees in"),
    Command("import-schedule", "schedules.command", "take a conference's schedule in"),
    Command("keys", "operations.keys", "how keys of persons are stored: wrap, unwrap, rewrap"),
    Command("lag", "operations.lag", "how far each reader of the log has come (--watch)"),
    Command("parked", "operations.parked", "what could not be applied: list, show, replay, drop"),
    Command("prove", "proof.prove", "let all fail that can, and show that nothing was lost"),
    Command("rebuild", "operations.rebuild", "read models anew from the log: NAME ... or --all"),
    Command("set-aside", "operations.set_aside", "what the version before does not know"),
    Command("replay-contacts", "contacts.replay", "play contacts from a file into the log"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    command = _command(words)
    try:
        if callable(command.run):
            return command.run()
        code: int = import_module(f"workers.{command.run}").main(words[1:])
        return code
    except (Problem, OSError) as e:
        print(_sentence(e), file=sys.stderr)
        return 2 if isinstance(e, Invalid) else 1
    except KeyboardInterrupt:
        return 130


def _command(words: Sequence[str]) -> Command:
    """The command that is named. Those that parse their own arguments get them unseen, options
    too; others take none."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        commands.add_parser(command.name, help=command.text).set_defaults(command=command)
    parse_their_own = {command.name for command in COMMANDS if isinstance(command.run, str)}
    known = words[:1] if parse_their_own.intersection(words[:1]) else words
    found: Command = parser.parse_args(known).command
    return found


def _sentence(e: Problem | OSError) -> str:
    if isinstance(e, PermissionError):
        return out_of_reach(e)
    return f"{e}" if isinstance(e, Problem) else f"It cannot go on: {e}."


if __name__ == "__main__":
    if QUIET:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
