"""`python -m workers set-aside`: before an earlier version takes this one's place, which does not
know all of its read models, reactions and kinds of work, and is not ready while nobody keeps one.
Tables stay as they are, and once this version runs again all go on from where they were."""

import argparse
from collections.abc import Sequence

import psycopg

from domain.errors import Invalid, Refused
from projections.engine.lag import SILENT
from projections.read_models import READ_MODELS
from sql import statements
from workers import settings
from workers.kinds import KINDS
from workers.reactions import REACTIONS
from workers.servers.command_database import database
from workers.servers.supervisor import say

SQL = statements("set_aside")
NAMES = (
    *(model.name for model in READ_MODELS),
    *(reaction.name for reaction in REACTIONS),
    *(kind.name for kind in KINDS),
)


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    with database(settings.read()) as url:
        done = set_aside(url, given.names)
    say(f"Set aside: {', '.join(done) or 'nothing, none of them has a position'}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers set-aside",
        description="Sets the positions of read models, reactions and kinds of work aside that an "
        "earlier version does not know. Stop the workers of this version first, run this, then "
        "start the earlier one.",
    )
    parser.add_argument("names", nargs="+", metavar="name", help=f"some of {', '.join(NAMES)}")
    return parser


def set_aside(database_url: str, names: Sequence[str]) -> list[str]:
    """The names of those that were. Raises Refused where somebody keeps one of them; then others
    may have been set aside all the same."""
    if unknown := [name for name in names if name not in NAMES]:
        raise Invalid(f"Nothing here is called {', '.join(unknown)}. There are {', '.join(NAMES)}.")
    with psycopg.connect(database_url, autocommit=True) as connection:
        about = {"names": list(names), "silent": SILENT}
        done = [name for (name,) in connection.execute(SQL["set_aside"], about)]
        kept = [name for (name,) in connection.execute(SQL["kept"], {"names": list(names)})]
    if kept:
        raise Refused(
            f"Workers keep {', '.join(kept)}. Stop the workers of this version first, and ask "
            f"again {SILENT:.0f} s later."
        )
    return sorted(done)
