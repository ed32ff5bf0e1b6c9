"""The boards that follow from a file of contacts alone, compared with the read models and the log.

They are computed differently on purpose: the replay goes contact by contact and remembers little,
here each mission is a condition on all contacts of one person.
"""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.aggregate import Recorded
from domain.missions import MissionCompleted, ProfileViewed
from domain.reports import AttendeeViewed
from projections.engine import event_log
from projections.engine.event_log import Connection
from projections.engine.reading import answered
from projections.missions import questions as boards
from projections.missions.leaderboard import LEADERBOARD as LEADERS
from projections.missions.leaderboard import LeaderboardAsk
from projections.missions.rows import (
    LEADERBOARD,
    LEDGER,
    MEMBER_MISSIONS,
    MISSION_BOARD,
    MISSION_LEADERBOARD,
    MISSION_LEDGER,
    LedgerEntry,
)
from projections.question import MemberAsk
from projections.read_model import Rows, fold
from workers.contacts.commands import MISSIONS, Contact

POINTS = {mission.id: mission.points for mission in MISSIONS}
ORDER = tuple(POINTS)
PAGE = 2_000
DAY = 86_400  # seconds
EVERYBODY = 1_000_000

Entries = tuple[tuple[str, str, int], ...]  # mission, cause, points; in their order


class Result(Struct, frozen=True):
    """`boards`: points by completed mission, of each member. `ledgers`: the entries of each member.
    `leaders`: the leaderboard, as (member, points, missions)."""

    boards: Mapping[str, Mapping[str, int]]
    ledgers: Mapping[str, Entries]
    leaders: Sequence[tuple[str, int, int]]


class FullResult(Struct, frozen=True):
    """A result with what only the log and the file know. `reports`: how many people each person met
    on how many days, in UTC: of the contacts of one pair on one day only the first is sure to be in
    the log. `when`: the time of the latest of these by when a mission was completed, in Unix
    seconds, by (member, mission)."""

    result: Result
    when: Mapping[tuple[str, str], int]
    reports: int


# From the file
class _Day:
    """One person's contacts: which of the file, when, with whom."""

    def __init__(self) -> None:
        self.numbers, self.times, self.others = array("q"), array("q"), array("q")

    def add(self, number: int, t: int, other: int) -> None:
        for column, value in zip(
            (self.numbers, self.times, self.others), (number, t, other), strict=True
        ):
            column.append(value)


def from_file(contacts: Iterable[Contact], zone: ZoneInfo) -> FullResult:
    days: defaultdict[str, _Day] = defaultdict(_Day)
    for number, (t, first, second) in enumerate(contacts):
        days[first].add(2 * number, t, int(second[1:]))
        days[second].add(2 * number + 1, t, int(first[1:]))
    ledgers: dict[str, Entries] = {}
    when: dict[tuple[str, str], int] = {}
    reached: dict[str, int] = {}
    reports = 0
    for member, day in days.items():
        done = _done(day, zone)
        ledgers[member] = tuple((m, _cause(m), POINTS[m]) for m in done)
        firsts = _first_contacts(day)
        reports += len(firsts)
        for mission, index in done.items():
            when[member, mission] = day.times[firsts[bisect_right(firsts, index) - 1]]
        reached[member] = day.numbers[max(done.values())]
    shown = {member: {m: p for m, _, p in entries} for member, entries in ledgers.items()}
    sums = [(member, sum(of.values()), len(of)) for member, of in shown.items()]
    leaders = sorted(sums, key=lambda one: (-one[1], reached[one[0]]))
    return FullResult(Result(shown, ledgers, leaders), when, reports)


def _cause(mission: str) -> str:
    return "profiles_viewed" if mission == "meet_attendees" else "member"


def _first_contacts(day: _Day) -> list[int]:
    """The first contacts with each person on each day."""
    firsts: dict[tuple[int, int], int] = {}
    for index, (t, other) in enumerate(zip(day.times, day.others, strict=True)):
        firsts.setdefault((other, t // DAY), index)
    return list(firsts.values())


def _done(day: _Day, zone: ZoneInfo) -> dict[str, int]:
    """The index of the contact that completed each mission, in the order of completion."""
    firsts = {
        "first_contact": 0,
        "meet_attendees": _nth_person(day, 3),
        "ten_people": _nth_person(day, 10),
        "long_talk": _five_minutes(day),
        "meet_again": _second_day(day, zone),
    }
    done = {mission: index for mission, index in firsts.items() if index is not None}
    if {"ten_people", "long_talk", "meet_again"} <= done.keys():
        done["well_connected"] = max(done.values())
    return dict(sorted(done.items(), key=lambda of: (of[1], ORDER.index(of[0]))))


def _nth_person(day: _Day, n: int) -> int | None:
    """Three people seen at 20 seconds each are more than the 10 seconds that the rule asks for."""
    met = {other: index for index, other in reversed(list(enumerate(day.others)))}
    return next(islice(sorted(met.values()), n - 1, None), None)


def _five_minutes(day: _Day) -> int | None:
    together = set(zip(day.times, day.others, strict=True))
    for index, (t, other) in enumerate(zip(day.times, day.others, strict=True)):
        if together.issuperset((t - back, other) for back in range(0, 300, 20)):
            return index
    return None


def _second_day(day: _Day, zone: ZoneInfo) -> int | None:
    dates: dict[int, set[date]] = defaultdict(set)
    for index, (t, other) in enumerate(zip(day.times, day.others, strict=True)):
        dates[other].add(datetime.fromtimestamp(t, UTC).astimezone(zone).date())
        if len(dates[other]) > 1:
            return index
    return None


# From the log and from the tables
class LogFold:
    """The rows of the read models, folded from events, and what only events have."""

    def __init__(self) -> None:
        self._rows: Rows = {}
        self._when: dict[tuple[str, str], int] = {}
        self._latest: dict[str, int] = {}
        self._met: set[tuple[str, str, int]] = set()  # member, whom they met, day

    def add(self, recorded: Recorded) -> None:
        for model in (MISSION_BOARD, MISSION_LEDGER, MISSION_LEADERBOARD):
            fold(self._rows, model.project(recorded))
        match recorded.event:
            case (
                AttendeeViewed(target_member_id=other, ts=ts)
                | ProfileViewed(target_member_id=other, ts=ts)
            ):
                member, t = recorded.member[1], int(ts.timestamp())
                if (met := (member, other, t // DAY)) not in self._met:
                    self._met.add(met)
                    self._latest[member] = t
            case MissionCompleted(mission_id=mission):
                member = recorded.member[1]
                self._when[member, mission] = self._latest.get(member, 0)

    def result(self, people: Iterable[str]) -> FullResult:
        return FullResult(_folded(self._rows, people), self._when, len(self._met))


async def from_log(connection: Connection, event_id: str, people: Iterable[str]) -> FullResult:
    fold_of_log, position = LogFold(), 0
    while page := await event_log.page(connection, position, PAGE):
        position = page[-1].position
        for recorded in page:
            if recorded.scope_id == event_id:
                fold_of_log.add(recorded)
    return fold_of_log.result(people)


def _folded(rows: Rows, people: Iterable[str]) -> Result:
    standings: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows.get(MEMBER_MISSIONS, {}).values():
        if row.status == "completed":
            standings[row.member_id][row.mission_id] = row.points_earned
    entries: defaultdict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in rows.get(LEDGER, {}).values():
        entries[entry.member_id].append(entry)
    ranks = [r for r in rows.get(LEADERBOARD, {}).values() if r.shown and r.missions_completed]
    ranks.sort(key=lambda r: (-r.points_earned, r.reached_position))
    return Result(
        {member: standings[member] for member in people},
        {member: _entries(entries[member]) for member in people},
        [(r.member_id, r.points_earned, r.missions_completed) for r in ranks],
    )


async def from_tables(connection: Connection, event_id: str, people: Iterable[str]) -> Result:
    """Reads the tables by the same questions as the API."""
    shown: dict[str, dict[str, int]] = {}
    ledgers: dict[str, Entries] = {}
    for member in people:
        ask = MemberAsk(event_id, member)
        board = await answered(connection, boards.BOARD, ask)
        ledger = await answered(connection, boards.HISTORY, ask)
        shown[member] = {m.id: m.points_earned for m in board.missions if m.status == "completed"}
        ledgers[member] = _entries(ledger.entries)
    everybody = LeaderboardAsk(event_id, "", EVERYBODY)
    leaders = await answered(connection, LEADERS, everybody)
    places = [(p.member_id, p.points_earned, p.missions_completed) for p in leaders.entries]
    return Result(shown, ledgers, places)


def _entries(rows: Iterable[LedgerEntry | boards.Entry]) -> Entries:
    return tuple((row.mission_id, row.cause, row.points) for row in rows)


# Compared
def differences(file: FullResult, log: FullResult, tables: Result) -> Iterator[str]:
    """One sentence each; none where all three agree."""
    yield from _differ("the log", file.result, log.result)
    yield from _differ("the tables", file.result, tables)
    if file.reports != log.reports:
        yield f"The file has {file.reports:,} reports in it, the log {log.reports:,}."
    for member, mission in sorted(file.when.keys() | log.when.keys()):
        by_file, by_log = file.when.get((member, mission)), log.when.get((member, mission))
        if by_file != by_log:
            yield (
                f"{member} completes {mission} after meeting somebody at {by_file} by the file, "
                f"at {by_log} by the log."
            )


def _differ(where: str, file: Result, other: Result) -> Iterator[str]:
    for member, expected in file.boards.items():
        found = other.boards.get(member)
        if found != expected:
            yield f"{member}'s board is {expected} by the file, {found} by {where}."
    for member, entries in file.ledgers.items():
        listed = other.ledgers.get(member)
        if listed != entries:
            yield f"{member}'s ledger is {entries} by the file, {listed} by {where}."
    if list(file.leaders) != list(other.leaders):
        yield _first_difference(where, file.leaders, other.leaders)


def _first_difference(
    where: str,
    file: Sequence[tuple[str, int, int]],
    other: Sequence[tuple[str, int, int]],
) -> str:
    longest = max(len(file), len(other))
    rank = next(i for i in range(longest) if file[i : i + 1] != other[i : i + 1])
    return (
        f"The leaderboard first differs at place {rank + 1}: {_place(file, rank)} by the file, "
        f"{_place(other, rank)} by {where}."
    )


def _place(leaders: Sequence[tuple[str, int, int]], rank: int) -> str:
    if rank >= len(leaders):
        return "nobody"
    member, points, missions = leaders[rank]
    return f"{member} with {points} points for {missions} missions"
