"""Laws that hold for pure functions, whatever the capability.

Each is a sentence, what it is tried on, and a check that raises where it does not hold.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain, pairwise
from typing import Any

import msgspec
from eventsourcing.persistence import Notification
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Command, Recorded, StreamName, stream_of
from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Invalid, NotFound, Problem, Refused, TooMany
from domain.store.envelope import EnvelopeMapper
from projections.read_model import ReadModel, Rows, fold, folded, looked_up
from projections.read_models import READ_MODELS
from tests.harness.capabilities import CAPABILITIES, capability
from tests.harness.capability import Capability
from tests.harness.play import Play, any_logs, placed, played, stories
from tests.harness.points import check_points
from tests.harness.shrinking import shrinking_for
from tests.harness.values import EVENT

MAPPER = EnvelopeMapper(AGGREGATES, RENAMED)
OPTIONAL = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Law(Struct, frozen=True):
    says: str
    about: str
    tried_on: SearchStrategy[Any]
    check: Callable[[Any], None]

    def try_out(self, examples: int, with_seed: int = 0, shrink: float = 10) -> int:
        """Raises for the smallest example that breaks the law. Gives how many were tried."""
        tried = 0

        def run(example: Any) -> None:
            nonlocal tried
            tried += 1
            self.check(example)

        with shrinking_for(shrink) as how:
            how = settings(how, max_examples=examples)
            seed(with_seed)(how(given(self.tried_on)(run)))()
        return tried


# Of each capability
@st.composite
def situations(draw: Any, of: Capability) -> tuple[Capability, Command, Any]:
    """A command with what it is given, and any state at all."""
    command = draw(of.commands(EVENT))
    given_ = {name: draw(_of(of, s).states()) for name, s in command.given().items()}
    return of, replace(command, **given_), draw(of.states())


def repeating_changes_nothing(situation: tuple[Capability, Command, Any]) -> None:
    of, command, state = situation
    try:
        events = of.aggregate.decide(command, state)
    except Problem:
        return
    again = of.aggregate.decide(*_after(of, command, state, events))
    assert again == (), f"{command} gave {events}, and once more {again}"


def _of(of: Capability, name: StreamName) -> Capability:
    """Whose stream this is, also where `of` is no capability of the product."""
    return of if name.startswith(f"{of.aggregate.name}:") else capability(name)


def _after(
    of: Capability, command: Command, state: Any, events: Iterable[Struct]
) -> tuple[Command, Any]:
    """The command with what it would be given by then, and the state that it would meet."""
    fields = {name: field for field, name in command.given().items()}
    states = {name: getattr(command, field) for name, field in fields.items()}
    states[stream_of(command)] = state
    for name, event in placed(command, events):
        if name in states:
            states[name] = _of(of, name).folded([event], states[name])
    return replace(command, **{field: states[name] for name, field in fields.items()}), states[
        stream_of(command)
    ]


def refuses_with_a_problem(situation: tuple[Capability, Command, Any]) -> None:
    of, command, state = situation
    with suppress(Invalid, NotFound, Refused, TooMany):
        events = of.aggregate.decide(command, state)
        assert isinstance(events, tuple)
        for name, event in placed(command, events):
            assert type(event) in _of(of, name).aggregate.events


def deciding_leaves_the_state_alone(situation: tuple[Capability, Command, Any]) -> None:
    of, command, state = situation
    before = repr((command, state))
    with suppress(Problem):
        _after(of, command, state, of.aggregate.decide(command, state))
    assert repr((command, state)) == before


def folding_never_fails(example: tuple[Capability, list[Any]]) -> None:
    of, events = example
    assert isinstance(of.folded(events), type(of.aggregate.initial))


def loads_as_it_was_stored(example: tuple[Capability, Recorded]) -> None:
    _, recorded = example
    stored = MAPPER.to_stored_event(recorded)
    columns = stored.originator_id, stored.originator_version, stored.topic, stored.state
    assert MAPPER.recorded(recorded.position, *columns) == recorded
    assert MAPPER.to_domain_event(stored) == replace(recorded, position=0)
    assert MAPPER.to_domain_event(Notification(*columns, id=recorded.position)) == recorded


@st.composite
def records(draw: Any, of: Capability) -> tuple[Capability, Recorded]:
    play = Play()
    command = draw(of.commands(EVENT))
    play.record(stream_of(command), draw(of.events))
    trace = draw(st.none() | st.just(OPTIONAL))
    return of, replace(play.log[0], trace=trace, version=draw(st.integers(1, 2**40)))


def laws_of(of: Capability) -> tuple[Law, ...]:
    some = situations(of)
    events = st.tuples(st.just(of), st.lists(of.events, max_size=40))
    return (
        Law("Repeating a command changes nothing", _name(of), some, repeating_changes_nothing),
        Law("What is refused is refused with a Problem", _name(of), some, refuses_with_a_problem),
        Law(
            "Deciding and folding leave the state alone",
            _name(of),
            some,
            deciding_leaves_the_state_alone,
        ),
        Law("Folding never fails", _name(of), events, folding_never_fails),
        Law("An event loads as it was stored", _name(of), records(of), loads_as_it_was_stored),
    )


def _name(of: Capability) -> str:
    return of.aggregate.name


# Of whole logs
def doubling_every_command_changes_nothing(story: list[Command]) -> None:
    once, twice = played(story), played(chain.from_iterable((c, c) for c in story))
    assert twice.log == once.log


def points_agree_everywhere(story: list[Command]) -> None:
    log = played(story).log
    check_points({t: rows for model in READ_MODELS for t, rows in folded(model, log).items()})


def is_the_fold_however_it_is_cut(example: tuple[ReadModel, list[Recorded], list[int]]) -> None:
    model, log, cuts = example
    stored: Rows = {table: {} for table in model.tables}
    for page in _pages(log, cuts):
        _store_page(model, page, stored)
    assert stored == folded(model, log)


def _pages(log: list[Recorded], cuts: list[int]) -> Iterable[list[Recorded]]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]
    return (log[a:b] for a, b in pairwise(edges))


def _store_page(model: ReadModel, page: list[Recorded], stored: Rows) -> None:
    """Applies a page as the projector does: reads only the rows that are looked up, writes only
    those that changed."""
    changes = list(chain.from_iterable(map(model.project, page)))
    wanted = looked_up(changes)
    rows: Rows = {
        t: {k: stored[t][k] for k in keys & stored[t].keys()} for t, keys in wanted.items()
    }
    for table, keys in fold(rows, changes).items():
        new = [rows[table][key] for key in keys]
        written = msgspec.json.decode(msgspec.json.encode(new), type=list[table.row])
        stored[table] |= dict(zip(keys, written, strict=True))


def cut_into_pages(model: ReadModel) -> Law:
    logs = any_logs() | stories().map(lambda story: played(story).log)
    cuts = st.lists(st.integers(0, 20), max_size=4)
    return Law(
        "A read model is the fold of the log, however it is cut into pages",
        model.name,
        st.tuples(st.just(model), logs, cuts),
        is_the_fold_however_it_is_cut,
    )


def laws_of_logs() -> tuple[Law, ...]:
    twice = "Sending every command twice changes nothing"
    return (
        Law(twice, "all", stories(), doubling_every_command_changes_nothing),
        Law("Points are the same everywhere", "all", stories(), points_agree_everywhere),
        *map(cut_into_pages, READ_MODELS),
    )


LAWS: tuple[Law, ...] = (*chain.from_iterable(map(laws_of, CAPABILITIES)), *laws_of_logs())
