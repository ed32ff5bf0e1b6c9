"""The commands that follow from an event, and how they are sent: under a key made of the event's
position, so that each has its effect once, whoever sends it.

Whoever has just recorded an event sends them at once (`follow`), and what they record is there by
the reply. Where that fails, or the process ends before, the reactor sends them: see reactor.py.
"""

import logging
from collections.abc import Iterable, Sequence

from domain.aggregate import Command, Recorded
from domain.errors import NotFound, Problem, Refused
from domain.store.writer import Author, History, IdempotencyKey
from workers.work.reaction import Reaction

log = logging.getLogger(__name__)

PRINCIPAL = "reaction:"  # of its keys and as an author; no member's id has a colon


async def follow(
    history: History, reactions: Iterable[Reaction], recorded: Sequence[Recorded]
) -> int:
    """Sends what follows from these events: the position of the last event that came of it, 0 where
    nothing did. Raises nothing: what could not be sent here, the reactor sends, and parks."""
    position = 0
    for reaction in reactions:
        for one in recorded:
            try:
                position = max(
                    position, await send(history, reaction.name, one, list(reaction.react(one)))
                )
            except Problem as e:
                log.info("%s after %s is left to its reactor: %s", reaction.name, one.position, e)
            except Exception as e:
                log.error("%s after %s failed: %s", reaction.name, one.position, e, exc_info=e)
    return position


async def send(history: History, name: str, recorded: Recorded, commands: Sequence[Command]) -> int:
    """The position of the last event that came of them, as `follow`. What a rule refuses is an
    answer. Raises Unavailable, and whatever a command that breaks raises."""
    by = Author(f"{PRINCIPAL}{name}", recorded.tenant, recorded.trace)
    position = 0
    for number, command in enumerate(commands, 1):
        # Sent again, also with other words in it, it is the first one that counts.
        key = IdempotencyKey(by.actor, f"{recorded.position}:{number}", b"")
        try:
            outcome = await history.execute(command, by=by, key=key)
        except (Refused, NotFound) as e:
            log.info("%s after %s: %s", name, recorded.position, e)
        else:
            position = max(position, outcome.position)
    return position
