"""All that follows by itself, on one screen.

Each begins at the start of the log, also where an upgrade brings it. One that began at the end
would miss what the first process of the new version records before its first workers are there. The
past is passed over as read models pass it, and nothing follows from it, for before these reactions
there were neither messages nor syncs. One that is added later has to say, by its command's own
rules, what is too old to follow up.
"""

from projections.missions.meeting import meet
from workers.syncs import LEAVING
from workers.work.reaction import Reaction

REACTIONS: tuple[Reaction, ...] = (
    LEAVING,
    Reaction("meet_attendees_by_messages_and_syncs", meet),
)
