"""All that can be asked here, on one screen."""

from typing import Any

from projections.attendees.addresses import ADDRESS
from projections.attendees.visibility import MINE, PROFILE, SHOWN
from projections.conferences import CONFERENCE
from projections.messages.questions import FLAGGED, OTHERS, OWN_THREADS, TEXTS, THREAD
from projections.missions.leaderboard import LEADERBOARD, PAST_LEADERBOARD
from projections.missions.questions import BOARD, HISTORY
from projections.question import Own, Past, Wide
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from projections.sessions.questions import NOW, PERSONAL_AGENDA, SCHEDULE, SOON
from projections.syncs.questions import APPOINTMENTS, OWN_SYNCS, SYNC_PEOPLE, SYNC_TEXTS

QUESTIONS: tuple[Own[Any, Any] | Wide[Any, Any], ...] = (
    CONFERENCE,
    ADDRESS,
    MINE,
    SHOWN,
    PROFILE,
    BOARD,
    HISTORY,
    LEADERBOARD,
    NOW,
    SOON,
    PERSONAL_AGENDA,
    SCHEDULE,
    WHOLE_AGENDA,
    STARRED_AGENDA,
    OWN_THREADS,
    OTHERS,
    TEXTS,
    THREAD,
    FLAGGED,
    OWN_SYNCS,
    APPOINTMENTS,
    SYNC_TEXTS,
    SYNC_PEOPLE,
)

# Those about a scope that can be asked as of an earlier position.
PASTS: tuple[Past[Any, Any], ...] = (PAST_LEADERBOARD,)
