"""Checks of work say nothing where it was done as it should be, and else what is wrong."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.aggregate import Recorded
from workers.proof.notes import LetterSent, NotesSummarized, NoteTaken
from workers.proof.work_checks import Piece, letters, summaries

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


class Done:
    """Notes of a few subjects, with work on them that is as it should be: the log, what was sent,
    and what is parked."""

    def __init__(self, takes: Sequence[tuple[str, bool, bool]]) -> None:
        self.log: list[Recorded] = []
        self.sent: list[Piece] = []
        self.parked: set[Piece] = set()
        taken: dict[str, int] = {}
        for about, summarized, died in takes:
            taken[about] = taken.get(about, 0) + 1
            wanted = self.record(about, NoteTaken())
            self.sent.append((f"evt_1:{about}", wanted))
            if died:
                self.parked = {p for p in self.parked if p[0] != f"evt_1:{about}"}
                self.parked.add((f"evt_1:{about}", wanted))
            else:
                self.record(about, LetterSent(wanted))
            if summarized:
                self.record(about, NotesSummarized(wanted, taken[about]))
        for about, times in taken.items():
            last = max(p for s, p in self.sent if s == f"evt_1:{about}")
            if NotesSummarized(last, times) not in [r.event for r in self.log]:
                self.record(about, NotesSummarized(last, times))

    def record(self, about: str, event: Any) -> int:
        position = len(self.log) + 1
        self.log.append(Recorded(position, f"notes:evt_1:{about}", 0, event, NOON, "", ""))
        return position

    def without(self, position: int) -> list[Recorded]:
        return [r for r in self.log if r.position != position]

    def last(self, kind: type) -> Recorded:
        return [r for r in self.log if isinstance(r.event, kind)][-1]


takes = st.lists(
    st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), min_size=1, max_size=9
)
done = st.builds(Done, takes)


@given(done)
def test_nothing_is_said_of_work_that_is_done(work: Done) -> None:
    assert summaries(work.log).holds
    assert letters(work.log, work.sent, work.parked).holds


@given(done)
def test_summary_that_lacks_is_lost(work: Done) -> None:
    gone = work.last(NotesSummarized)
    check = summaries(work.without(gone.position))
    assert len(check.lost) == 1
    assert gone.stream in check.lost[0]


@given(done)
def test_summary_that_is_recorded_twice_or_after_a_newer_one_is_doubled(work: Done) -> None:
    again = work.last(NotesSummarized)
    work.record(again.stream.rpartition(":")[2], again.event)
    assert len(summaries(work.log).doubled) == 1


@given(done, st.data())
def test_letter_that_is_sent_twice_is_doubled(work: Done, data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(work.sent))
    check = letters(work.log, [*work.sent, again], work.parked)
    assert len(check.doubled) == 1
    assert f"the letter of {again[0]} at {again[1]} was sent 2 times" in check.doubled


@given(done)
def test_letter_that_is_neither_recorded_nor_parked_is_lost(work: Done) -> None:
    subject, wanted = work.sent[-1]
    log = [r for r in work.log if r.event != LetterSent(wanted)]
    check = letters(log, work.sent, work.parked - {(subject, wanted)})
    assert check.lost == [f"the letter of {subject} at {wanted} was not sent"]


@given(done)
def test_letter_that_is_recorded_and_was_not_sent_is_lost(work: Done) -> None:
    assume(any(isinstance(r.event, LetterSent) for r in work.log))
    recorded = work.last(LetterSent).event.based_on
    check = letters(work.log, [p for p in work.sent if p[1] != recorded], work.parked)
    assert len(check.lost) == 1
    assert f"at {recorded} is recorded, and was not sent" in check.lost[0]
