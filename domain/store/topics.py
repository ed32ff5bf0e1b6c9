"""The name that each event is stored under, and the event that a stored name is read as.

How events of earlier versions load, upcasting elsewhere, is no step of its own here: a name of then
is a line of `renamed` (RENAMED in domain/capabilities.py), a field that came later has a default,
and no stored event is ever changed.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from domain.aggregate import Aggregate


class DuplicateEventError(Exception):
    """Two events have one name."""


class Topics:
    """An event is stored under the name of its class, unless `renamed` (stored name -> name of the
    class) says otherwise: then under the name of its last line there, and each of its lines is
    read. Raises DuplicateEventError where two events would be stored, or read, as one."""

    def __init__(self, aggregates: Iterable[Aggregate], renamed: Mapping[str, str]) -> None:
        owners = _owners(aggregates)
        classes = {event.__name__: event for event in owners}
        topics = dict(zip(classes, classes, strict=True)) | {c: name for name, c in renamed.items()}
        self.types: dict[str, type[Struct]] = classes | {n: classes[c] for n, c in renamed.items()}
        self.owners = {topic: owners[event] for topic, event in self.types.items()}
        self._topics = {event: topics[name] for name, event in classes.items()}
        for event, topic in self._topics.items():
            if (other := self.types[topic]) is not event:
                raise DuplicateEventError(
                    f"{event.__name__} of {owners[event].name} would be stored under {topic}, as "
                    f"{other.__name__} of {owners[other].name} is: name another in RENAMED"
                )

    def of(self, event: Struct) -> str:
        """The name to store it under; that of its class where it belongs to no aggregate."""
        return self._topics.get(type(event)) or type(event).__name__


def _owners(aggregates: Iterable[Aggregate]) -> dict[type[Struct], Aggregate]:
    owners: dict[type[Struct], Aggregate] = {}
    named: dict[str, Aggregate] = {}
    for aggregate in aggregates:
        for event in aggregate.events:
            if other := named.get(event.__name__):
                raise DuplicateEventError(
                    f"two events are called {event.__name__}: one of {other.name}, and one of "
                    f"{aggregate.name}. Give one of the classes another name"
                )
            owners[event] = named[event.__name__] = aggregate
    return owners
