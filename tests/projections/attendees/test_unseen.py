"""The one rule of who sees whom, in every read: of each pair of members of any conference, whatever
they did, and whether they are hidden, blocked, erased or elsewhere."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from msgspec import Struct
from msgspec.structs import asdict

from domain.aggregate import Recorded
from domain.attendees import ATTENDEE, Attendee
from domain.blocks import BLOCKS as BLOCKING
from domain.visibility import sees
from projections.attendees.directory import Wanted, page
from projections.attendees.index import FACETS, Index, Person
from projections.attendees.rows import ACTIVITY, ATTENDEES, BLOCKS, PEOPLE
from projections.attendees.score import match
from projections.attendees.visibility import MINE, PROFILE, SHOWN, ProfileAsk, ShownAsk
from projections.attendees.words import key
from projections.missions.leaderboard import LeaderboardAsk, ranked
from projections.missions.rows import LEADERBOARD, MISSION_LEADERBOARD
from projections.question import MemberAsk
from projections.read_model import Rows, folded
from tests.harness.play import any_logs, played, stories
from tests.harness.values import EVENT, MEMBERS

LOGS = any_logs() | stories().map(lambda story: played(story).log)
FIELDS = Person.__struct_fields__


class Truth(Struct, frozen=True):
    """The listed, and whom each blocks, by the states that rules look at."""

    listed: frozenset[str]
    blocks: dict[str, frozenset[str]]

    def sees(self, one: str, other: str) -> bool:
        blocked = other in self.blocks[one] or one in self.blocks[other]
        return one != other and sees(other in self.listed, blocked)

    def seen(self, one: str) -> set[str]:
        return {other for other in MEMBERS if self.sees(one, other)}


def truth(log: Sequence[Recorded]) -> Truth:
    attendees = dict.fromkeys(MEMBERS, ATTENDEE.initial)
    blocks = dict.fromkeys(MEMBERS, BLOCKING.initial)
    for r in log:
        if r.stream.startswith("attendee:"):
            attendees[r.member[1]] = ATTENDEE.evolve(attendees[r.member[1]], r.event, r.at)
        if r.stream.startswith("blocks:"):
            blocks[r.member[1]] = BLOCKING.evolve(blocks[r.member[1]], r.event, r.at)
    listed = {m for m, state in attendees.items() if isinstance(state, Attendee) and state.listed}
    return Truth(frozenset(listed), {m: state.members for m, state in blocks.items()})


def index_of(rows: Rows) -> Index:
    index = Index()
    for row in rows[ATTENDEES].values():
        index.put(Person(**{name: value for name, value in asdict(row).items() if name in FIELDS}))
    for row in rows[ACTIVITY].values():
        index.act(row.member_id, row.position)
    for row in rows[BLOCKS].values():
        index.block(row.member_id, row.blocked_member_id, blocked=row.blocked)
    return index


def found(rows: Rows) -> Any:
    return {table: [*of_table.values()] for table, of_table in rows.items()}


def without(log: Sequence[Recorded], unseen: set[str], asker: str) -> list[Recorded]:
    """The same conference as if these had never come, but for the asker's own words about them."""
    gone = {f"{kind}:{EVENT}:{m}" for m in unseen - {asker} for kind in ("attendee", "missions")}
    gone |= {f"{kind}:{EVENT}:{m}" for m in unseen - {asker} for kind in ("stars", "blocks")}
    return [r for r in log if r.stream not in gone]


@settings(max_examples=40)
@given(log=LOGS)
def test_every_read_shows_each_exactly_those_whom_they_see(log: list[Recorded]) -> None:
    rows, is_true = folded(PEOPLE, log), truth(log)
    index, all_rows = index_of(rows), found(rows)
    ranks = folded(MISSION_LEADERBOARD, log)[LEADERBOARD]
    for one in MEMBERS:
        seen = is_true.seen(one)
        mine = MINE.answer(MemberAsk(EVENT, one), all_rows)
        assert mine.blocks == is_true.blocks[one] - {one}
        here = index.seen(one, mine.blocks)
        directory = page(index, one, mine.attendee, mine.blocks, Wanted())
        assert {*directory.ids} == seen
        assert directory.total == len(seen)
        for facet in FACETS:
            others = [rows[ATTENDEES][EVENT, other] for other in seen]
            assert {key(c.value): c.count for c in directory.counts[facet]} == counted(
                facet, others
            )
        assert {*index.best(index.scores(mine.attendee, here), here, 100)} == seen
        shown = SHOWN.answer(ShownAsk(EVENT, one, " ".join(MEMBERS)), all_rows)
        assert shown.people.keys() - {one} == seen
        for other in MEMBERS:
            profile = PROFILE.answer(ProfileAsk(EVENT, one, other), all_rows)
            if one != other:
                assert (profile is not None) == (other in seen)
        leaders = ranked(LeaderboardAsk(EVENT, one, 100), ranks)
        for rank in leaders.first:
            blocked = rank.member_id in is_true.blocks[one] | {
                m for m in MEMBERS if one in is_true.blocks[m]
            }
            assert rank.member_id == one or not blocked


def counted(facet: str, people: list[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for person in people:
        written = {
            "industries": person.industries,
            "roles": (person.role,),
            "companies": (person.company,),
            "goals": person.goals,
        }[facet]
        for name in {*map(key, written)} - {""}:
            counts[name] = counts.get(name, 0) + 1
    return counts


@settings(max_examples=40)
@given(log=LOGS)
def test_no_answer_tells_of_those_whom_the_asker_does_not_see(log: list[Recorded]) -> None:
    """It is the same, scores and order included, as if they had never come."""
    whole, is_true = folded(PEOPLE, log), truth(log)
    for one in MEMBERS:
        rest = folded(PEOPLE, without(log, {*MEMBERS} - is_true.seen(one), one))
        answers = []
        for rows in (whole, rest):
            index = index_of(rows)
            mine = MINE.answer(MemberAsk(EVENT, one), found(rows))
            directory = page(index, one, mine.attendee, mine.blocks, Wanted())
            scores = [
                match(mine.attendee, rows[ATTENDEES][EVENT, other], directory.rarity)
                for other in directory.ids
                if mine.attendee
            ]
            answers.append(
                (directory.ids, directory.total, directory.joined_by, directory.counts, scores)
            )
        assert answers[0] == answers[1]


@settings(max_examples=40)
@given(log=LOGS)
def test_everybodys_scores_are_those_of_each_pair(log: list[Recorded]) -> None:
    rows = folded(PEOPLE, log)
    index = index_of(rows)
    for one in MEMBERS:
        mine = MINE.answer(MemberAsk(EVENT, one), found(rows))
        seen = index.seen(one, mine.blocks)
        scores, rarity = index.scores(mine.attendee, seen), index.rarity(seen)
        for slot, other in enumerate(index.ids):
            if seen[slot] and mine.attendee:
                pair = match(mine.attendee, rows[ATTENDEES][EVENT, other], rarity)
                assert scores[slot] == pair.match_score


@given(log=LOGS)
def test_index_is_the_same_however_often_a_row_is_put(log: list[Recorded]) -> None:
    """Rows change one after the other here, and all at once there."""
    step_by_step, rows = Index(), folded(PEOPLE, log)
    for n in range(1, len(log) + 1):
        now = folded(PEOPLE, log[:n])
        for row in now[ATTENDEES].values():
            fields = {name: value for name, value in asdict(row).items() if name in FIELDS}
            step_by_step.put(Person(**fields))
        for row in now[ACTIVITY].values():
            step_by_step.act(row.member_id, row.position)
        for row in now[BLOCKS].values():
            step_by_step.block(row.member_id, row.blocked_member_id, blocked=row.blocked)
    at_once = index_of(rows)
    for one in MEMBERS:
        mine = MINE.answer(MemberAsk(EVENT, one), found(rows))
        pages = [
            page(i, one, mine.attendee, mine.blocks, Wanted()) for i in (step_by_step, at_once)
        ]
        assert [(p.ids, p.total, p.counts) for p in pages[:1]] == [
            (p.ids, p.total, p.counts) for p in pages[1:]
        ]
