"""All that follows by itself, on one screen."""

from workers.syncs import LEAVING
from workers.work.reaction import Reaction

REACTIONS: tuple[Reaction, ...] = (LEAVING,)
