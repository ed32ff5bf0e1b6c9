"""All that can be read here, on one screen."""

from projections.conferences import CONFERENCES
from projections.live_feed import LIVE_FEED
from projections.missions.rows import MISSION_BOARD, MISSION_LEADERBOARD, MISSION_LEDGER
from projections.read_model import ReadModel
from projections.sessions.rows import SESSIONS

READ_MODELS: tuple[ReadModel, ...] = (
    CONFERENCES,
    MISSION_BOARD,
    MISSION_LEDGER,
    MISSION_LEADERBOARD,
    SESSIONS,
    LIVE_FEED,
)

VERSIONS = {model.name: model.version for model in READ_MODELS}
