"""Which fields of events are personal, and whose they are.

    name: Annotated[str, PERSONAL]               "", () or None stands there once it is erased
    name: Annotated[str, personal("Somebody")]   this does
    id: Annotated[str, SPEAKER]                  its Struct, and those in it, are this speaker's
    id: Annotated[str, MEMBER]                   or this member's

Where no field says whose, they are the member's whom the stream belongs to. A person is a member
by id (`ada`), wherever they go; or a speaker of one conference (`evt_1:p1`), since imports bring
numbers for ids, and the same number is somebody else at the next one.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Meta, Struct, inspect

from domain.aggregate import Aggregate, StreamName

Person = str
Values = dict[str, Any]  # personal values of an event, by their path, as in `profile.name`

ERASED = "Erased"  # what readers see instead of a name
PERSONAL = Meta(extra={"personal": True})
SPEAKER = Meta(extra={"person": "speaker"})
MEMBER = Meta(extra={"person": "member"})


class NotErasableError(Exception):
    """An aggregate has personal events and no `erase`, so nobody could be forgotten in it."""


def personal(erased: Any) -> Meta:
    return Meta(extra={"personal": True, "erased": erased})


class Marked(Struct, frozen=True):
    """How a Struct is marked: its personal fields, each with its value once erased; its fields that
    hold Structs with personal fields; and the field that says whose they are, if there is one, with
    what kind of person that names."""

    erased: Mapping[str, Any]
    inner: Mapping[str, "Marked"]
    whose: str | None
    kind: str = "speaker"


@cache
def marked(type_: type[Struct]) -> Marked | None:
    """None where nothing in it is personal."""
    return _marked(inspect.type_info(type_))


def check_erasable(aggregates: Iterable[Aggregate]) -> None:
    """Raises NotErasableError."""
    for aggregate in aggregates:
        for event in aggregate.events:
            if aggregate.erase is None and marked(event):
                raise NotErasableError(
                    f"{event.__name__} of {aggregate.name} is personal, and nothing erases it: "
                    "give the aggregate an `erase(state, person)` that returns the events after "
                    "which nothing personal is shown, as domain/attendees.py does"
                )


def _marked(known: inspect.Type) -> Marked | None:
    struct = _struct(known)
    if struct is None:
        return None
    erased, inner, whose, kind = {}, {}, None, "speaker"
    for field in struct.fields:
        said = (field.type.extra or {}) if isinstance(field.type, inspect.Metadata) else {}
        if said.get("personal"):
            erased[field.encode_name] = _erased_value(field.type)
        elif said.get("person"):
            whose, kind = field.encode_name, said["person"]
        elif held := _marked(field.type):
            inner[field.encode_name] = held
    return Marked(erased, inner, whose, kind) if erased or inner else None


def _bare(known: inspect.Type) -> inspect.Type:
    return _bare(known.type) if isinstance(known, inspect.Metadata) else known


def _struct(known: inspect.Type) -> inspect.StructType | None:
    """The Struct that a field holds, whether one, many, or perhaps none."""
    known = _bare(known)
    if isinstance(known, inspect.StructType):
        return known
    if isinstance(known, inspect.VarTupleType):
        return _struct(known.item_type)
    if isinstance(known, inspect.UnionType):
        found = [struct for one in known.types if (struct := _struct(one))]
        return found[0] if len(found) == 1 else None
    return None


def _erased_value(marked: inspect.Type) -> Any:
    """The value of a field once it is erased."""
    said = (marked.extra or {}) if isinstance(marked, inspect.Metadata) else {}
    if "erased" in said:
        return said["erased"]
    known = _bare(marked)
    if isinstance(known, inspect.VarTupleType):
        return ()
    if isinstance(known, inspect.UnionType):
        return None
    if isinstance(known, inspect.StrType):
        return ""
    raise TypeError(f"say what stands in place of {known} once it is erased: personal(...)")


def taken_out(event: Struct, stream: StreamName) -> tuple[Any, dict[Person, Values]]:
    """The facts of an event without what is personal in them, and the personal values by person."""
    facts = msgspec.to_builtins(event)
    values: dict[Person, Values] = {}
    if known := marked(type(event)):
        for node, of, person, path in _walk(known, facts, _member(stream), stream, ""):
            for name in of.erased:
                if name in node:
                    values.setdefault(person, {})[path + name] = node.pop(name)
    return facts, values


def put_in(
    type_: type[Struct], facts: Any, stream: StreamName, values: Mapping[Person, Any]
) -> None:
    """The opposite of `taken_out`: puts personal values into `facts`. A person whose values are
    None was erased."""
    if known := marked(type_):
        for node, of, person, path in _walk(known, facts, _member(stream), stream, ""):
            theirs = values.get(person, {})
            if theirs is None:
                node.update(of.erased)
            else:
                node.update((n, theirs[path + n]) for n in of.erased if path + n in theirs)


def _walk(
    known: Marked, node: Any, person: Person, stream: StreamName, path: str
) -> Iterator[tuple[Any, Marked, Person, str]]:
    if known.whose:
        id_ = node[known.whose]
        person = id_ if known.kind == "member" else ":".join((stream.split(":", 2)[1], id_))
    yield node, known, person, path
    for name, inner in known.inner.items():
        held = node.get(name)
        if isinstance(held, list | tuple):
            for i, one in enumerate(held):
                yield from _walk(inner, one, person, stream, f"{path}{name}.{i}.")
        elif held is not None:
            yield from _walk(inner, held, person, stream, f"{path}{name}.")


def _member(stream: StreamName) -> Person:
    return stream.rpartition(":")[2]
