"""The report of a proof, on one page."""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from workers.proof.checks import Check
from workers.proof.faults import Recovery, Times, times
from workers.proof.finale import Found

SHOWN = 3  # examples of what is wrong, of each check


class Proof(Struct, frozen=True):
    found: Found
    checks: Sequence[Check]
    recoveries: Sequence[Recovery]
    unrecovered: Sequence[str] = ()
    untried: Sequence[str] = ()  # faults that it did not come to in the time
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks) and not self.unrecovered


def lines(proof: Proof) -> Iterator[str]:
    yield from _tried(proof)
    yield ""
    yield from _checked(proof.checks)
    yield ""
    yield from _recovered(proof.recoveries)
    yield from proof.unrecovered
    if proof.untried:
        yield f"Not come to in the time: {', '.join(proof.untried)}. Give it more --seconds."
    yield ""
    yield from _concluded(proof)


def _tried(proof: Proof) -> Iterator[str]:
    entries = proof.found.entries
    answered = [entry for entry in entries if entry.position >= 0]
    retried = sum(entry.attempts > 1 for entry in entries)
    again = sum(entry.again for entry in entries)
    yield (
        f"In {proof.seconds:.0f} s of load {len(answered):,} commands were acknowledged, "
        f"{len(answered) / max(proof.seconds, 1):,.0f} a second; {retried:,} of them after more "
        f"than one attempt. {again:,} were sent again under their key."
    )
    tallies: Counter[str] = Counter()
    for tally in proof.found.tallies:
        tallies[tally.what] += tally.count
    yield f"Meanwhile: {', '.join(f'{what} {count:,}' for what, count in tallies.items())}."


def _checked(checks: Sequence[Check]) -> Iterator[str]:
    yield f"{'checked':<38}{'how many':>10}{'lost':>8}{'doubled':>9}"
    for check in checks:
        counts = f"{len(check.lost):>8,}{len(check.doubled):>9,}"
        yield f"{check.name:<38}{check.looked_at:>10,}{counts}"


def _recovered(recoveries: Sequence[Recovery]) -> Iterator[str]:
    if not recoveries:
        yield "Nothing failed that recovery could be measured of."
        return
    yield "Seconds from a fault until a change asked for after it was (p50 / max)"
    yield f"{'':<38}{'times':>7}{'acknowledged':>16}{'shown':>16}{'heard':>16}"
    for of_kind in times(recoveries):
        yield _row(of_kind)


def _row(of_kind: Times) -> str:
    steps = (of_kind.acked, of_kind.shown, of_kind.heard)
    shown = "".join(f"{f'{half:.2f} / {most:.2f}':>16}" for half, most in steps)
    return f"{of_kind.fault:<38}{of_kind.count:>7}{shown}"


def _concluded(proof: Proof) -> Iterator[str]:
    if proof.holds:
        yield "It holds: nothing was lost, nothing was doubled, everything recovered."
        return
    for check in proof.checks:
        for kind, wrong in (("lost", check.lost), ("doubled", check.doubled)):
            if wrong:
                yield f"{check.name}, {kind}, {len(wrong):,} of {check.looked_at:,}. For example:"
                yield from (f"  {sentence}" for sentence in wrong[:SHOWN])
    yield "It does not hold."
