"""Everything that agents may ask or do, on one screen."""

from typing import Any

from api.agents.tool import Tool
from api.attendee_tools import ATTENDEES_FOR_ME
from api.session_tools import EVENT_SESSIONS
from api.sync_tools import MY_SYNCS

TOOLS: tuple[Tool[Any], ...] = (EVENT_SESSIONS, ATTENDEES_FOR_ME, MY_SYNCS)
