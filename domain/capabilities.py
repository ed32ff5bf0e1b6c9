"""All that can be decided here, on one screen."""

from domain.agenda import AGENDA
from domain.aggregate import Aggregate
from domain.attendees import ATTENDEE
from domain.calendar_links import CALENDAR_LINK
from domain.catalogues import CATALOGUE
from domain.conferences import CONFERENCE
from domain.missions import BOARD
from domain.stars import STARS

AGGREGATES: tuple[Aggregate, ...] = (
    CONFERENCE,
    ATTENDEE,
    CATALOGUE,
    BOARD,
    AGENDA,
    STARS,
    CALENDAR_LINK,
)

# An event that was renamed: the name it was stored under, and the name it has now.
RENAMED: dict[str, str] = {}
