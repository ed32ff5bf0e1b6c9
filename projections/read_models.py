"""All that can be read here, on one screen."""

from collections.abc import Mapping
from itertools import chain

from projections.attendees.acts import ATTENDEE_ACTS
from projections.attendees.addresses import ADDRESSES
from projections.attendees.rows import PEOPLE
from projections.conferences import CONFERENCES
from projections.due import Meaning, due
from projections.engine.feed import Feed
from projections.messages.rows import LIVE_MESSAGES, THREADS_OF_MEMBERS
from projections.missions.rows import (
    LIVE_MISSIONS,
    MISSION_BOARD,
    MISSION_LEADERBOARD,
    MISSION_LEDGER,
)
from projections.read_model import ReadModel
from projections.sessions.rows import LIVE_SESSIONS, SESSIONS
from projections.syncs.expiry import EXPIRE_SYNC, expiry
from projections.syncs.rows import LIVE_SYNCS, MEMBER_SYNCS

# When each kind of work is due (workers.kinds), by its name.
WORK: Mapping[str, Meaning] = {EXPIRE_SYNC: expiry}

# A capability's read models are kept by a projector of their own, with its own lead: one that is
# slow or stuck holds up its own capability alone.
CAPABILITIES: dict[str, tuple[ReadModel, ...]] = {
    "conferences": (CONFERENCES,),
    "attendees": (PEOPLE, ADDRESSES, ATTENDEE_ACTS),
    "missions": (MISSION_BOARD, MISSION_LEDGER, MISSION_LEADERBOARD, LIVE_MISSIONS),
    "sessions": (SESSIONS, LIVE_SESSIONS),
    "messages": (THREADS_OF_MEMBERS, LIVE_MESSAGES),
    "syncs": (MEMBER_SYNCS, LIVE_SYNCS),
    **({"work": (due(WORK),)} if WORK else {}),
}

READ_MODELS: tuple[ReadModel, ...] = tuple(chain.from_iterable(CAPABILITIES.values()))
FEEDS: tuple[Feed, ...] = tuple(model for model in READ_MODELS if isinstance(model, Feed))
VERSIONS = {model.name: model.version for model in READ_MODELS}
