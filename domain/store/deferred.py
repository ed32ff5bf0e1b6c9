"""Commands that wait until their streams are loaded."""

from collections.abc import Iterable, Set
from operator import attrgetter

from domain.aggregate import StreamName
from domain.store.batch import streams_of
from domain.store.queue import Answer, PendingCommand


class DeferredCommands:
    """In the order in which they came. Commands on one stream keep theirs: one whose stream another
    waits to write to waits as well."""

    def __init__(self) -> None:
        self._needs: dict[PendingCommand, Set[StreamName]] = {}

    def __len__(self) -> int:
        return len(self._needs)

    def __contains__(self, pending: PendingCommand) -> bool:
        return pending in self._needs

    def put(self, pending: PendingCommand, needs: Iterable[StreamName]) -> None:
        self._needs[pending] = {*streams_of([pending]), *needs}

    def admit(
        self, commands: Iterable[PendingCommand], loading: Set[StreamName]
    ) -> list[PendingCommand]:
        """Those that need not wait. The others are deferred, perhaps once more."""
        admitted = []
        first: dict[StreamName, int] = {}  # of those that wait, by their own stream
        for pending in self._needs:
            first[pending.own] = min(pending.number, first.get(pending.own, pending.number))
        for pending in commands:
            waits = first.get(pending.own, pending.number) < pending.number
            if waits or not loading.isdisjoint(streams_of([pending])):
                first[pending.own] = min(pending.number, first.get(pending.own, pending.number))
                self.put(pending, ())
            else:
                admitted.append(pending)
        return admitted

    def take_ready(self, loading: Set[StreamName], most: int) -> list[PendingCommand]:
        """The first, at most `most`, of those that wait for none of these streams any more. Those
        of whom nobody awaits the answer any more are let go."""
        ready: list[PendingCommand] = []
        held = set()
        for pending in sorted(self._needs, key=_number):
            if not pending.awaited:
                del self._needs[pending]
            elif pending.own in held or not self._needs[pending].isdisjoint(loading):
                held.add(pending.own)
            elif len(ready) < most:
                ready.append(pending)
                del self._needs[pending]
            else:
                break
        return ready

    def fail(self, name: StreamName, problem: Exception) -> list[Answer]:
        """Gives up those that wait for this stream."""
        failed = [pending for pending, needs in self._needs.items() if name in needs]
        return [(pending, problem) for pending in failed if self._needs.pop(pending)]

    def fail_all(self, problem: Exception) -> list[Answer]:
        answers: list[Answer] = [(pending, problem) for pending in self._needs]
        self._needs.clear()
        return answers


_number = attrgetter("number")
