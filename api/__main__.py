"""`python -m api`: serve over HTTP, or print a token."""

import argparse
import sys

from domain.errors import Problem
from workers import settings
from workers.servers.datadir import jwt_secret, out_of_reach
from workers.servers.master_key import unlock
from workers.tokens import check, sign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("serve", help="serve over HTTP (DATABASE_URL and NATS_URL say with what)")
    token = commands.add_parser("token", help="print a token")
    token.add_argument("--sub", required=True, help="whose it is: a member's or operator's id")
    token.add_argument("--scope", required=True, help='as in "event:evt_1:member", or admin')
    token.add_argument("--hours", type=float, default=24 * 30, help="how long it holds: 720")
    given = parser.parse_args()
    try:
        if given.command == "token":
            print(_token(given.sub, given.scope.split(), given.hours * 3600))
        else:
            from api.server import serve
            from workers.telemetry import log_json

            log_json()
            config = settings.read()
            if config.database_url:
                unlock(config, config.database_url)
            serve(config)
    except (Problem, PermissionError) as e:
        print(e if isinstance(e, Problem) else out_of_reach(e), file=sys.stderr)
        return 2
    return 0


def _token(sub: str, scopes: list[str], seconds: float) -> str:
    check(sub, scopes)
    return sign(jwt_secret(settings.read()), sub, scopes, seconds)


if __name__ == "__main__":
    sys.exit(main())
