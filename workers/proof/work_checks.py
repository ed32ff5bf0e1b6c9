"""Checks of the work in a proof, as pure functions of the log and of what was sent."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from domain.aggregate import Recorded, StreamName
from workers.proof.checks import Check
from workers.proof.notes import LetterSent, NotesSummarized, NoteTaken

Piece = tuple[str, int]  # a subject, and the position at which it was wanted


def summaries(log: Sequence[Recorded]) -> Check:
    """The last summary of a subject counts all its notes; each is newer than the one before."""
    lost, doubled = [], []
    for stream, of_stream in _by_stream(log).items():
        taken = [r.position for r in of_stream if isinstance(r.event, NoteTaken)]
        made = [r.event for r in of_stream if isinstance(r.event, NotesSummarized)]
        said = (made[-1].based_on, made[-1].notes) if made else (0, 0)
        if taken and said != (taken[-1], len(taken)):
            lost.append(f"{stream} was noted at {taken[-1]}, and is summarized as of {said[0]}")
        based_on = [one.based_on for one in made]
        doubled += [
            f"{stream} is summarized as of {after} after as of {before}"
            for before, after in pairwise(based_on)
            if after <= before
        ]
    return Check("summaries", sum(isinstance(r.event, NotesSummarized) for r in log), lost, doubled)


def letters(log: Sequence[Recorded], sent: Iterable[Piece], parked: Collection[Piece]) -> Check:
    """Each is sent once, and recorded or, where a worker died at it, parked."""
    times = Counter(sent)
    doubled = [
        f"the letter of {s} at {at} was sent {n} times" for (s, at), n in times.items() if n > 1
    ]
    lost = []
    for stream, of_stream in _by_stream(log).items():
        subject = stream.removeprefix("notes:")
        taken = [r.position for r in of_stream if isinstance(r.event, NoteTaken)]
        recorded = [r.event.based_on for r in of_stream if isinstance(r.event, LetterSent)]
        lost += [
            f"the letter of {subject} at {at} is recorded, and was not sent"
            for at in recorded
            if not times[subject, at]
        ]
        if taken and taken[-1] not in recorded and (subject, taken[-1]) not in parked:
            lost.append(f"the letter of {subject} at {taken[-1]} was not sent")
    return Check("letters", times.total(), lost, doubled)


def _by_stream(log: Iterable[Recorded]) -> dict[StreamName, list[Recorded]]:
    streams: dict[StreamName, list[Recorded]] = defaultdict(list)
    for recorded in log:
        if recorded.stream.startswith("notes:"):
            streams[recorded.stream].append(recorded)
    return streams
