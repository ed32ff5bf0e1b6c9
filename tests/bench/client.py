"""`python -m tests.bench.client NAME`: the load generator of a figure, as a process of its own.
What it shall do comes as JSON on stdin, what it saw goes as JSON to stdout."""

import json
import resource
import sys

import uvloop

from tests.bench import (
    attendees,
    board,
    dear,
    feed,
    patch,
    rebuild,
    reconnect,
    sessions,
    strangers,
    streams,
)

CLIENTS = {
    "patch": patch.generate,
    "board": board.generate,
    "feed": feed.generate,
    "streams": streams.generate,
    "sessions": sessions.generate,
    "attendees": attendees.generate,
    "rebuild": rebuild.generate,
    "dear": dear.generate,
    "strangers": strangers.generate,
    "reconnect": reconnect.generate,
    "boards beside": reconnect.boards,
}


def main() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    spec = json.load(sys.stdin)
    json.dump(uvloop.run(CLIENTS[sys.argv[1]](spec)), sys.stdout)


if __name__ == "__main__":
    main()
