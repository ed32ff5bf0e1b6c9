"""`python -m workers`: what runs beside the web, and the whole."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

QUIET = __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler
if QUIET:  # what follows takes a moment: whoever ends it there needs no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from domain.errors import Invalid, Problem  # noqa: E402
from workers import settings  # noqa: E402
from workers.servers import supervisor  # noqa: E402
from workers.servers.datadir import out_of_reach  # noqa: E402
from workers.servers.embedded import start_postgres  # noqa: E402

Rest = Sequence[str]


def serve(rest: Rest) -> int:
    supervisor.serve(settings.read())
    return 0


def demo(rest: Rest) -> int:
    from workers.demo.fill import fill

    supervisor.serve(settings.read(), when_ready=fill, log="demo.log")
    return 0


def migrate(rest: Rest) -> int:
    given = settings.read()
    if given.database_url:
        supervisor.migrate(given.database_url)
        return 0
    server = start_postgres(given.data_dir)
    try:
        supervisor.migrate(server.url)
    finally:
        server.stop()
    return 0


def run(rest: Rest) -> int:
    from workers.run import main

    main(settings.read())
    return 0


def replay_contacts(rest: Rest) -> int:
    from workers.contacts.replay import main

    return main(rest)


def import_schedule(rest: Rest) -> int:
    from workers.schedules.command import main

    return main(rest)


def lag(rest: Rest) -> int:
    from workers.operations.lag import main

    return main(rest)


def prove(rest: Rest) -> int:
    from workers.proof.prove import main

    return main(rest)


def rebuild(rest: Rest) -> int:
    from workers.operations.rebuild import main

    return main(rest)


def erase(rest: Rest) -> int:
    from workers.operations.erase import main

    return main(rest)


def export(rest: Rest) -> int:
    from workers.operations.export import main

    return main(rest)


def drill(rest: Rest) -> int:
    from workers.operations.drill import main

    return main(rest)


def parked(rest: Rest) -> int:
    from workers.operations.parked import main

    return main(rest)


class Command(NamedTuple):
    name: str
    function: Callable[[Rest], int]
    text: str
    # it reads its own arguments
    rest: bool = False


COMMANDS = (
    Command("serve", serve, "run everything: servers, migrations, workers, web"),
    Command("demo", demo, "the same, and fill it with a conference that looks alive"),
    Command("migrate", migrate, "bring the database up to date"),
    Command("run", run, "the relay, the projector and the workers alone"),
    Command("drill", drill, "restore a backup made under load, and check it", rest=True),
    Command("erase", erase, "forget a person: erase MEMBER [--yes]", rest=True),
    Command("export", export, "all that is held about a person: export MEMBER", rest=True),
    Command("import-schedule", import_schedule, "take a conference's schedule in", rest=True),
    Command("lag", lag, "how far each reader of the log has come (--watch)", rest=True),
    Command("parked", parked, "what could not be applied: list, show, replay, drop", rest=True),
    Command("prove", prove, "let all fail that can, and show that nothing was lost", rest=True),
    Command("rebuild", rebuild, "read models anew from the log: NAME ... or --all", rest=True),
    Command(
        "replay-contacts", replay_contacts, "play contacts from a file into the log", rest=True
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    command = _command(words)
    try:
        return command.function(words[1:])
    except (Problem, OSError) as e:
        print(_sentence(e), file=sys.stderr)
        return 2 if isinstance(e, Invalid) else 1
    except KeyboardInterrupt:
        return 130


def _command(words: Sequence[str]) -> Command:
    """What comes behind a command that reads its own arguments, options too, is left to it."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        commands.add_parser(command.name, help=command.text).set_defaults(command=command)
    reads_its_own = {command.name for command in COMMANDS if command.rest}
    known = words[:1] if reads_its_own.intersection(words[:1]) else words
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
