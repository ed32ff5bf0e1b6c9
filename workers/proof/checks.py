"""The checks of a proof: pure functions of the records of a proof and of the log."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec
from msgspec import Struct

from domain.aggregate import Recorded, StreamName
from projections.engine.feed import Message
from projections.missions.rows import LedgerEntry
from workers.proof.acts import POINTS, initial, set_by
from workers.proof.ledger import Entry, Heard

Setting = tuple[str, str]  # a thing, and its value


class Check(Struct, frozen=True):
    """`looked_at` is how many were checked; `lost` and `doubled` have a sentence for each that is
    wrong."""

    name: str
    looked_at: int
    lost: Sequence[str] = ()
    doubled: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        return not self.lost and not self.doubled


# Acknowledged commands
def acknowledged(entries: Sequence[Entry], log: Sequence[Recorded], event_id: str) -> Check:
    """Each acknowledged act is in the log at the position of its answer."""
    states, positions = _states(log), {recorded.position for recorded in log}
    answered = [entry for entry in entries if entry.position >= 0]
    lost = []
    for entry in answered:
        found = _as_of(states, entry, event_id)
        if entry.position not in positions:
            lost.append(f"{_act(entry)}: acknowledged at {entry.position}, where nothing is")
        elif found != entry.act.to:
            lost.append(f"{_act(entry)}: acknowledged at {entry.position}, where it is {found!r}")
    return Check("acknowledged commands", len(answered), lost)


def answered(entries: Sequence[Entry], ended: Collection[str], writers: Collection[str]) -> Check:
    """Every writer was answered at least once, and waits for no answer at the end."""
    answers = Counter(entry.act.member for entry in entries if entry.position >= 0)
    lost = [f"{writer} was never answered" for writer in writers if not answers[writer]]
    lost += [
        f"{writer} waits for an answer at the end" for writer in writers if writer not in ended
    ]
    lost += [
        f"{_act(entry)}: unanswered for {entry.at - entry.sent:.0f} s, until the end"
        for entry in entries
        if entry.position < 0
    ]
    return Check("writers that were answered", len(writers), lost)


def _states(log: Iterable[Recorded]) -> dict[tuple[StreamName, str], list[tuple[int, str]]]:
    """The history of each thing: (position, value), in order."""
    states: dict[tuple[StreamName, str], list[tuple[int, str]]] = defaultdict(list)
    for recorded in log:
        if setting := set_by(recorded):
            states[recorded.stream, setting[0]].append((recorded.position, setting[1]))
    return states


def _as_of(
    states: Mapping[tuple[StreamName, str], Sequence[tuple[int, str]]], entry: Entry, event_id: str
) -> str:
    history = states.get((entry.act.stream(event_id), entry.act.what), ())
    by_then = [value for position, value in history if position <= entry.position]
    return by_then[-1] if by_then else initial(entry.act.kind)


def _act(entry: Entry) -> str:
    act = entry.act
    return f"{act.member}'s {act.kind} {act.what} to {act.to}"


# Effects
def applied_once(entries: Iterable[Entry], log: Sequence[Recorded], event_id: str) -> Check:
    """Each stream has the effects of the acts on it, in their order, and nothing else."""
    acts: dict[StreamName, list[Entry]] = defaultdict(list)
    for entry in entries:
        if not entry.again:
            acts[entry.act.stream(event_id)].append(entry)
    found: dict[StreamName, list[Setting]] = defaultdict(list)
    for recorded in log:
        if setting := set_by(recorded):
            found[recorded.stream].append(setting)
    lost, doubled = [], []
    for name in {**acts, **found}:  # nobody acted on what is only found
        missing, more = _differ(_expected(acts[name]), found[name])
        lost += [f"{name} lacks {what} to {to}" for what, to in missing]
        doubled += [f"{name} has {what} to {to} once too often" for what, to in more]
    return Check("effects of commands", sum(map(len, found.values())), lost, doubled)


def _expected(entries: Iterable[Entry]) -> list[tuple[Setting, bool]]:
    """The settings that change something, each with whether it must be in the log: one without an
    answer may be."""
    state: dict[str, str] = {}
    settings = []
    for entry in entries:
        what, to = entry.act.what, entry.act.to
        if state.get(what, initial(entry.act.kind)) != to:
            settings.append(((what, to), entry.position >= 0))
            state[what] = to
    return settings


def _differ(
    expected: Sequence[tuple[Setting, bool]], found: Sequence[Setting]
) -> tuple[list[Setting], list[Setting]]:
    """Settings that are missing, and settings that are too many. Where only the order differs: the
    first that should be there is missing, and the one in its place is too many."""
    possible = [setting for setting, _ in expected]
    if found in (possible, [setting for setting, sure in expected if sure]):
        return [], []
    missing = Counter(setting for setting, sure in expected if sure) - Counter(found)
    more = Counter(found) - Counter(possible)
    if missing or more:
        return list(missing.elements()), list(more.elements())
    at = next(i for i, (e, f) in enumerate(zip(possible, found, strict=False)) if e != f)
    return [possible[at]], [found[at]]


def same_reply(entries: Iterable[Entry]) -> Check:
    """A key that is sent again gets the first reply and its position."""
    replies: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.key and entry.position >= 0:
            replies[entry.key].append(entry)
    repeated = {key: of_key for key, of_key in replies.items() if len(of_key) > 1}
    doubled = [
        f"{_act(first)} under key {key} was answered at {first.position}, and again at "
        f"{other.position}{' with another reply' if other.reply != first.reply else ''}"
        for key, (first, *others) in repeated.items()
        for other in others
        if (other.position, other.reply) != (first.position, first.reply)
    ]
    return Check("commands sent again under their key", len(repeated), (), doubled)


def points(entries: Iterable[Entry], ledger: Iterable[LedgerEntry]) -> Check:
    """The ledger gives each member the points of the missions that are completed, each once.
    Members with an act that was not answered are left out."""
    latest: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        if entry.act.kind == "mission" and not entry.again:
            latest[entry.act.member][entry.act.what] = entry
    balances: Counter[str] = Counter()
    for row in ledger:
        balances[row.member_id] += row.points
    known = {m: of for m, of in latest.items() if all(e.position >= 0 for e in of.values())}
    sums = {m: _points(of.values()) for m, of in known.items()}
    lost = [f"{m} has {balances[m]} of {n} points" for m, n in sums.items() if balances[m] < n]
    more = [f"{m} has {balances[m]} and not {n}" for m, n in sums.items() if balances[m] > n]
    return Check("points of members", sum(sums.values()), lost, more)


def _points(entries: Iterable[Entry]) -> int:
    return sum(POINTS[e.act.what] for e in entries if e.act.to == "completed")


def versions(log: Iterable[Recorded]) -> Check:
    """The versions of each stream are 1, 2, 3 and so on in the order of positions."""
    next_: Counter[StreamName] = Counter()
    lost, doubled, looked_at = [], [], 0
    for looked_at, recorded in enumerate(log, 1):  # noqa: B007 - used below
        expected = next_[recorded.stream] + 1
        if recorded.version > expected:
            lost.append(f"{recorded.stream} has no version {expected}")
        elif recorded.version < expected:
            doubled.append(f"{recorded.stream} has version {recorded.version} after a later one")
        next_[recorded.stream] = max(expected - 1, recorded.version)
    return Check("versions of streams", looked_at, lost, doubled)


# Readers and live feeds
def in_order(name: str, read: Sequence[int], expected: Sequence[int]) -> Check:
    """Every expected position was read once, in order, and no other."""
    lost, doubled = _misread(read, expected)
    return Check(
        name,
        len(expected),
        [f"position {position} was not among {name}" for position in lost],
        [f"position {position} came twice or too late among {name}" for position in doubled],
    )


def _misread(read: Sequence[int], expected: Sequence[int]) -> tuple[list[int], list[int]]:
    seen, due = Counter(read), set(expected)
    late = {b for a, b in pairwise(read) if b < a}
    twice = {position for position, times in seen.items() if times > 1 or position not in due}
    return sorted(due - seen.keys()), sorted(twice | late)


def feeds(
    heard: Iterable[Heard],
    said: Mapping[str, Iterable[Message]],
    readers: Mapping[str, str],
) -> Check:
    """Each reader got every message of its member once, as the feed has it, and in the order of its
    feed; messages of different feeds may overtake each other. `said`: the rows of each feed by the
    feed's name. `readers`: all readers, each with its member."""
    received: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        received[one.reader].append(one)
    messages: dict[str, dict[int, Message]] = defaultdict(dict)
    feed_at: dict[int, str] = {}  # an event is on one feed at most
    for name, rows in said.items():
        for row in rows:
            messages[row.member_id][row.position] = row
            feed_at[row.position] = name
    lost, doubled, looked_at = [], [], 0
    for reader, member in readers.items():
        looked_at += len(messages[member])
        missing, more = _misheard(received[reader], messages[member], feed_at)
        lost += [f"{reader} did not hear what {member} was told at {p}" for p in missing]
        doubled += [f"{reader} heard {p} twice, or too late" for p in more]
        doubled += _altered(reader, received[reader], messages[member])
    return Check("changes on live feeds", looked_at, lost, doubled)


def _misheard(
    heard: Iterable[Heard], messages: Iterable[int], feed_at: Mapping[int, str]
) -> tuple[list[int], list[int]]:
    """The positions that one reader missed, and those that came twice or after a later one of
    their feed."""
    read: dict[str, list[int]] = defaultdict(list)
    due: dict[str, list[int]] = defaultdict(list)
    for one in heard:
        read[feed_at.get(one.position, "")].append(one.position)
    for position in messages:
        due[feed_at[position]].append(position)
    each = [_misread(read[name], due[name]) for name in {**due, **read}]
    return sorted(p for lost, _ in each for p in lost), sorted(p for _, more in each for p in more)


def _altered(reader: str, heard: Iterable[Heard], messages: Mapping[int, Message]) -> Iterator[str]:
    for one in heard:
        row = messages.get(one.position)
        if row and (one.type, _plain(one.data)) != (row.type, _plain(row.data)):
            yield f"{reader} heard at {one.position} something else than the feed says"


def _plain(data: msgspec.Raw) -> object:
    return msgspec.json.decode(data)
