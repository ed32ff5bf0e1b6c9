"""All work that takes time, on one screen. When it is due: projections.read_models.WORK."""

from workers.syncs import EXPIRING
from workers.work.kind import Kind

KINDS: tuple[Kind, ...] = (EXPIRING,)
