"""Commands that wait until their streams are loaded."""

from collections.abc import Iterable, Set

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
        """Those that need not wait. The others are deferred."""
        admitted = []
        held = {pending.own for pending in self._needs}
        for pending in commands:
            if pending.own in held or not loading.isdisjoint(streams_of([pending])):
                held.add(pending.own)
                self.put(pending, ())
            else:
                admitted.append(pending)
        return admitted

    def take_ready(self, loading: Set[StreamName], most: int) -> list[PendingCommand]:
        """The first, at most `most`, of those that wait for none of these streams any more. Those
        of whom nobody awaits the answer any more are let go."""
        for pending in [pending for pending in self._needs if not pending.awaited]:
            del self._needs[pending]
        ready: list[PendingCommand] = []
        held = set()
        for pending, needs in self._needs.items():
            if pending.own in held or not needs.isdisjoint(loading):
                held.add(pending.own)
            elif len(ready) < most:
                ready.append(pending)
        for pending in ready:
            del self._needs[pending]
        return ready

    def fail(self, name: StreamName, problem: Exception) -> list[Answer]:
        """Gives up those that wait for this stream."""
        failed = [pending for pending, needs in self._needs.items() if name in needs]
        return [(pending, problem) for pending in failed if self._needs.pop(pending)]

    def fail_all(self, problem: Exception) -> list[Answer]:
        answers: list[Answer] = [(pending, problem) for pending in self._needs]
        self._needs.clear()
        return answers
