"""A page of the directory: who is found, in which order, and how many have what."""

from collections.abc import Collection
from typing import Literal

import numpy as np
from msgspec import Struct

from projections.attendees.index import EVERYBODY, FACETS, Index
from projections.attendees.rows import Attendee
from projections.attendees.score import Rarity

Sort = Literal["match_score", "company", "role", "recently_active"]
COUNTED = 20  # values of a filter


class Wanted(Struct, frozen=True):
    """`filters`: by facet, values of which a person has any; of each facet that has some.
    `joined_by`: a position; who joins later is left out, so that nobody moves to another page."""

    filters: dict[str, tuple[str, ...]] = {}
    sort: Sort = "match_score"
    page: int = 1
    page_size: int = 25
    joined_by: int = EVERYBODY


class Count(Struct, frozen=True):
    value: str
    count: int


class Page(Struct, frozen=True):
    ids: list[str]
    total: int
    joined_by: int
    counts: dict[str, list[Count]]
    rarity: Rarity


def page(
    index: Index,
    member_id: str,
    you: Attendee | None,
    blocks: Collection[str],
    wanted: Wanted,
    found: Collection[str] | None = None,
) -> Page:
    """`found`: whom the search found, if there was one. Scores are those among all who are seen,
    whoever is looked for. How many have a value is counted among those whom the other filters
    leave."""
    seen = index.seen(member_id, blocks, wanted.joined_by)
    asked = {f: index.having(f, texts) for f, texts in wanted.filters.items() if texts}
    matching = seen if found is None else seen & index.only(found)
    counts = {}
    for facet in FACETS:
        others = [mask for of, mask in asked.items() if of != facet]
        among = np.logical_and.reduce([matching, *others])
        counts[facet] = [Count(*one) for one in index.counts(facet, among, COUNTED)]
    chosen = np.flatnonzero(np.logical_and.reduce([matching, *asked.values()]))
    match wanted.sort:
        case "company":
            slots = index.by_company(chosen)
        case "role":
            slots = index.by_role(chosen)
        case "recently_active":
            slots = index.by_activity(chosen)
        case _:
            slots = index.by_score(index.scores(you, seen), chosen)
    first = (wanted.page - 1) * wanted.page_size
    ids = [index.ids[slot] for slot in slots[first : first + wanted.page_size]]
    joined_by = max(1, min(wanted.joined_by, index.last_joined(seen)))
    return Page(ids, len(slots), joined_by, counts, index.rarity(seen))
