"""Points agree everywhere: the ledger, the board, the leaderboard and the live feed give each
member the same sum. Checked on rows of read models, wherever these come from."""

from collections import defaultdict
from typing import Any

import msgspec

from projections.missions.rows import (
    GAINED,
    LEADERBOARD,
    LEDGER,
    LIVE_MISSIONS,
    MEMBER_MISSIONS,
    LedgerEntry,
)
from projections.read_model import Rows

Member = tuple[str, str]


def check_points(rows: Rows) -> None:
    """Raises AssertionError where two of them differ, or any is below zero or counted twice."""
    balances = ledger_balances(rows)
    for shown in (on_boards(rows), on_leaderboard(rows), in_totals(rows), last_heard(rows)):
        assert shown == balances, f"the ledger says {balances}, another {shown}"
    for entries in _by_mission(rows).values():
        check_alternating(entries)
    check_ranks(rows)


def ledger_balances(rows: Rows) -> dict[Member, int]:
    balances: dict[Member, int] = defaultdict(int)
    for (event_id, member_id, _), entry in rows[LEDGER].items():
        balances[event_id, member_id] += entry.points
    return _with_points(balances)


def on_boards(rows: Rows) -> dict[Member, int]:
    points: dict[Member, int] = defaultdict(int)
    for (event_id, member_id, _), row in rows[MEMBER_MISSIONS].items():
        assert row.points_earned >= 0, f"{row} is below zero"
        points[event_id, member_id] += row.points_earned
    return _with_points(points)


def on_leaderboard(rows: Rows) -> dict[Member, int]:
    return _with_points({key: rank.points_earned for key, rank in rows[LEADERBOARD].items()})


def in_totals(rows: Rows) -> dict[Member, int]:
    return _with_points({key: gained.points_earned for key, gained in rows[GAINED].items()})


def last_heard(rows: Rows) -> dict[Member, int]:
    heard = sorted(rows[LIVE_MISSIONS.messages].values(), key=lambda message: message.position)
    points = {
        (m.scope_id, m.member_id): _progress(m)["points_earned"]
        for m in heard
        if m.type == "MISSION_UPDATED"
    }
    return _with_points(points)


def check_ranks(rows: Rows) -> None:
    """Most points first; of equal points, whoever reached them first and kept them."""
    balances: dict[Member, int] = defaultdict(int)
    reached: dict[Member, int] = {}
    for entry in sorted(rows[LEDGER].values(), key=lambda entry: entry.position):
        member = entry.event_id, entry.member_id
        balances[member] += entry.points
        if entry.points or member not in reached:
            reached[member] = entry.position
    ranks = {key: rank for key, rank in rows[LEADERBOARD].items() if rank.reached_at}
    expected = sorted(balances, key=lambda m: (-balances[m], reached[m]))
    order = sorted(ranks, key=lambda m: (-ranks[m].points_earned, ranks[m].reached_position))
    assert order == expected, f"the ledger ranks {expected}, the leaderboard {order}"


def check_alternating(entries: list[LedgerEntry]) -> None:
    """The entries of one mission alternate: awarded, taken back, awarded again."""
    awarded_points = 0
    for entry in entries:
        awarded = entry.cause not in ("reset", "reopened")
        assert awarded_points == (0 if awarded else -entry.points), f"doubled in {entries}"
        awarded_points = entry.points if awarded else 0
    wins = [entry.cause not in ("reset", "reopened") for entry in entries]
    assert wins == [i % 2 == 0 for i in range(len(wins))], f"doubled in {entries}"


def _progress(message: Any) -> Any:
    return msgspec.json.decode(message.data)["progress"]


def _by_mission(rows: Rows) -> dict[tuple[str, str, str], list[LedgerEntry]]:
    found: dict[tuple[str, str, str], list[LedgerEntry]] = defaultdict(list)
    for entry in sorted(rows[LEDGER].values(), key=lambda entry: entry.position):
        found[entry.event_id, entry.member_id, entry.mission_id].append(entry)
    return found


def _with_points(points: dict[Member, int]) -> dict[Member, int]:
    assert all(n >= 0 for n in points.values()), f"below zero: {points}"
    return {member: n for member, n in points.items() if n}
