"""All that follows by itself, on one screen.

Each begins at the start of the log, also where an upgrade brings it. One that began at the end
would miss what the first process of the new version records before its first workers are there. The
past is passed over as read models pass it: the events that are reacted to came with the reaction,
so there is nothing in it to follow up. For events that have long been there, a command's own rules
have to say which of them are too old.
"""

from projections.missions.meeting import meet
from workers.work.reaction import Reaction

REACTIONS: tuple[Reaction, ...] = (Reaction("meet_attendees_by_messages", meet),)
