"""The people at a conference as one of them may see them: questions that are answered from the
streams of those they are about, so that nobody is shown who hid or blocked a moment ago."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import StreamName, stream
from domain.visibility import sees
from projections.attendees.rows import ATTENDEES, BLOCKS, MET, PEOPLE, Attendee, Block, Met
from projections.question import Found, MemberAsk, Own, chosen, keyed


class Mine(Struct, frozen=True):
    """The asker's own words: their profile, hidden or not, and whom they block."""

    attendee: Attendee | None
    blocks: frozenset[str]


class ShownAsk(MemberAsk, frozen=True):
    """`others`: ids with a space between, at most 100."""

    others: str


class Shown(Struct, frozen=True):
    """Those of the others whom the asker sees, by id."""

    people: dict[str, Attendee]


class ProfileAsk(MemberAsk, frozen=True):
    others: str  # one


class Seen(Struct, frozen=True):
    """A profile, what the asker did about it, and the asker's own."""

    attendee: Attendee
    you: Attendee | None
    met: Met


def shown(ask: MemberAsk, others: Iterable[str], found: Found) -> dict[str, Attendee]:
    """By the one rule: domain/visibility.py. Everybody sees themselves."""
    blocked = apart(ask.member_id, found[BLOCKS])
    people = {row.member_id: replace(row, words="") for row in found[ATTENDEES]}
    return {
        other: row
        for other in others
        if (row := people.get(other))
        and (sees(row.listed, other in blocked) or (other == ask.member_id and row.name))
    }


def apart(member_id: str, blocks: Iterable[Block]) -> set[str]:
    """Whom a member blocks, and who blocks them."""
    among = [block for block in blocks if block.blocked]
    return {b.blocked_member_id for b in among if b.member_id == member_id} | {
        b.member_id for b in among if b.blocked_member_id == member_id
    }


def _own(ask: MemberAsk) -> Sequence[StreamName]:
    return _streams(ask.event_id, [ask.member_id])


def _streams(event_id: str, members: Iterable[str]) -> Sequence[StreamName]:
    each = dict.fromkeys(members)
    return [stream(kind, event_id, one) for one in each for kind in ("attendee", "blocks")]


def _mine(ask: MemberAsk, found: Found) -> Mine:
    mine = next((row for row in found[ATTENDEES] if row.member_id == ask.member_id), None)
    own = [block for block in found[BLOCKS] if block.member_id == ask.member_id]
    blocked = (block.blocked_member_id for block in own if block.blocked)
    return Mine(mine, frozenset(blocked) - {ask.member_id})


def _of_others(ask: ShownAsk | ProfileAsk) -> Sequence[StreamName]:
    return _streams(ask.event_id, [ask.member_id, *ask.others.split()])


def _of_profile(ask: ProfileAsk) -> Sequence[StreamName]:
    own = [stream(kind, ask.event_id, ask.member_id) for kind in ("missions", "reports")]
    return *_of_others(ask), *own


def _seen(ask: ProfileAsk, found: Found) -> Seen | None:
    """None where the asker does not see them."""
    (other,) = ask.others.split()
    row = shown(ask, [other], found).get(other)
    key = ask.event_id, ask.member_id, other
    met = next((m for m in found[MET] if MET.key_of(m) == key), Met(*key))
    you = next((one for one in found[ATTENDEES] if one.member_id == ask.member_id), None)
    return Seen(row, you and replace(you, words=""), met) if row else None


MINE: Own[MemberAsk, Mine] = Own(
    "own_attendee",
    PEOPLE,
    MemberAsk,
    streams=_own,
    rows=(keyed(ATTENDEES, 2), keyed(BLOCKS, 2)),
    answer=_mine,
    bound=10_000,  # of a member who blocks and unblocks for days
    together=16,
)

SHOWN: Own[ShownAsk, Shown] = Own(
    "shown_attendees",
    PEOPLE,
    ShownAsk,
    streams=_of_others,
    rows=(chosen(ATTENDEES, "attendees", "people"), chosen(BLOCKS, "attendees", "blocks_between")),
    answer=lambda ask, found: Shown(shown(ask, ask.others.split(), found)),
    bound=301,  # for each of 100 their row, and what the two block
    together=16,
)

PROFILE: Own[ProfileAsk, Seen | None] = Own(
    "attendee_profile",
    PEOPLE,
    ProfileAsk,
    streams=_of_profile,
    rows=(
        chosen(ATTENDEES, "attendees", "people"),
        chosen(BLOCKS, "attendees", "blocks_between"),
        chosen(MET, "attendees", "met"),
    ),
    answer=_seen,
    bound=6,
    together=16,
)
