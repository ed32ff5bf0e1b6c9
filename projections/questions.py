"""All that can be asked here, on one screen."""

from typing import Any

from projections.conferences import CONFERENCE
from projections.missions.leaderboard import LEADERBOARD, PAST_LEADERBOARD
from projections.missions.questions import BOARD, HISTORY
from projections.question import Own, Past, Wide
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from projections.sessions.questions import NOW, PERSONAL_AGENDA, SCHEDULE, SOON
from projections.syncs.questions import APPOINTMENTS, OTHERS, OWN_SYNCS, SYNC_TEXTS

QUESTIONS: tuple[Own[Any, Any] | Wide[Any, Any], ...] = (
    CONFERENCE,
    BOARD,
    HISTORY,
    LEADERBOARD,
    NOW,
    SOON,
    PERSONAL_AGENDA,
    SCHEDULE,
    WHOLE_AGENDA,
    STARRED_AGENDA,
    OWN_SYNCS,
    APPOINTMENTS,
    SYNC_TEXTS,
    OTHERS,
)

# Those about a scope that can be asked as of an earlier position.
PASTS: tuple[Past[Any, Any], ...] = (PAST_LEADERBOARD,)
