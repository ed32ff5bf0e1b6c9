"""The rules of the repository: its layers and rooms, its sizes, and a README that is true."""

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from domain import errors
from domain.capabilities import AGGREGATES
from tests.imports import LAYERS, circles, dotted, files, graph, imports
from tests.product import ROOT
from workers.settings import Settings

# What each layer may import of the project beside itself: nothing points back up.
MAY_IMPORT = {
    "sql": set(),
    "domain": {"sql"},
    "projections": {"domain", "sql"},
    "workers": {"domain", "sql", "projections"},
    "api": {"domain", "sql", "projections", "workers"},
}
# What `domain/` imports outside of `domain/store/`: nothing that opens a file or a socket.
PURE_IMPORTS = {
    *("bisect", "collections", "datetime", "domain", "functools", "graphlib", "hashlib"),
    *("itertools", "msgspec", "re", "typing", "unicodedata"),
}
# The files of each capability, as modules and rooms. All others are machinery.
CAPABILITIES = {
    "attendees": (
        *("domain.attendees", "domain.blocks", "domain.addresses", "domain.rosters"),
        *("projections.attendees", "workers.attendees", "api.attendees", "api.directory"),
        *("api.blocks", "api.attendee_import", "api.profile_words", "api.attendee_tools"),
        "api.attendee_insights",
    ),
    "conferences": ("domain.conferences", "projections.conferences", "api.conferences"),
    "messages": (
        *("domain.messages", "domain.inbox", "domain.flags", "projections.messages"),
        "api.messages",
    ),
    "missions": (
        *("domain.missions", "domain.catalogues", "domain.meeting", "domain.reports"),
        *("projections.missions", "api.missions", "api.mission_metrics"),
    ),
    "sessions": (
        *("domain.agenda", "domain.agenda_items", "domain.slots", "domain.stars"),
        *("domain.source_files", "domain.sources", "domain.speakers"),
        *("domain.calendar_links", "projections.sessions", "api.sessions", "api.schedule"),
        *("api.calendar_links", "api.formats", "workers.schedules"),
        *("api.concierge", "api.session_tools"),
    ),
    "syncs": (
        *("domain.syncs", "domain.sync_events", "domain.appointments", "projections.syncs"),
        *("workers.syncs", "api.syncs", "api.free_time", "api.sync_tools"),
    ),
}
# The lists on which a new capability is a line.
LISTS = {
    *("domain.capabilities", "projections.read_models", "projections.live_feed"),
    *("projections.questions", "api.app", "api.agents.tools", "workers.run"),
    *("workers.__main__", "workers.kinds", "workers.reactions"),
}
# Programs that use the whole product, as people do.
PROGRAMS = ("workers.contacts", "workers.demo", "workers.proof")
# Machinery that knows a capability still.
KNOWS = {
    ("api.reads.reading", "projections.conferences"),  # whether there is such an event
}
# Docstrings of problems are their titles.
TITLES = {problem.__doc__ for problem in vars(errors).values() if isinstance(problem, type)}
INVERTED = re.compile(r"(Of|Who|What|As|There)\b")
README = (ROOT / "README.md").read_text(encoding="utf-8")
GRAPH = graph()


def capability_of(module: str) -> str | None:
    return next((name for name, own in CAPABILITIES.items() if is_in(module, own)), None)


def is_in(module: str, places: Iterable[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def top(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_layer_imports_no_layer_outside_of_it(layer: str) -> None:
    layers = {*MAY_IMPORT, "tests"} - {layer}
    for file in files(layer):
        outside = {top(found.module) for found in imports(file)} & layers - MAY_IMPORT[layer]
        assert not outside, f"{dotted(file)} imports {outside}"


def test_domain_outside_of_its_store_opens_nothing() -> None:
    for file in files("domain"):
        if not is_in(dotted(file), ["domain.store"]):
            found = {one.module for one in imports(file)}
            assert {top(module) for module in found} <= PURE_IMPORTS, dotted(file)
            assert not [module for module in found if is_in(module, ["domain.store"])], dotted(file)


def test_domain_knows_neither_the_web_nor_the_bus() -> None:
    known = {top(found.module) for file in files("domain") for found in imports(file)}
    assert not known & {"litestar", "nats", "uvicorn", "httpx"}


def test_no_import_leads_back_to_where_it_is() -> None:
    edges = {name: {found.module for found in known} for name, known in GRAPH.items()}
    assert circles(edges) == []


def test_no_room_imports_a_room_that_builds_on_it() -> None:
    """A room is a folder; a file at the top of a layer is one by itself, and lists are none."""
    edges: dict[str, set[str]] = defaultdict(set)
    for name, known in GRAPH.items():
        for found in known:
            if not {name, found.module} & LISTS and room(name) != room(found.module):
                edges[room(name)].add(room(found.module))
    assert circles(edges) == []


def room(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2])


def test_no_capability_imports_another() -> None:
    """Read models may fold the events of others, and HTTP and commands may ask their questions."""
    events = {event for aggregate in AGGREGATES for event in aggregate.events}
    written_in = {type_ for event in events for type_ in parts(event)}
    stored = {type_.__name__ for type_ in events | written_in if isinstance(type_, type)}
    for name, known in GRAPH.items():
        own = capability_of(name)
        for found in known:
            if own and capability_of(found.module) not in {own, None}:
                if top(name) == "projections":
                    assert top(found.module) == "domain", (name, found)
                    assert found.name in stored, (name, found)
                else:
                    assert top(found.module) == "projections", (name, found)


def parts(event: type) -> Iterator[object]:
    """The types of its fields, and what unions and tuples among them are made of."""
    hints = list(get_type_hints(event).values())
    while hints:
        yield (hint := hints.pop())
        hints += get_args(hint)


def test_machinery_knows_no_capability() -> None:
    assert {
        (name, found.module)
        for name, known in GRAPH.items()
        if not capability_of(name) and name not in LISTS and not is_in(name, PROGRAMS)
        for found in known
        if capability_of(found.module)
    } == KNOWS


def test_every_capability_has_all_of_its_files() -> None:
    named = [place for places in CAPABILITIES.values() for place in (*places,)]
    assert [place for place in (*named, *LISTS, *PROGRAMS) if not is_there(place)] == []


def is_there(module: str) -> bool:
    return any(is_in(known, [module]) for known in GRAPH)


@pytest.mark.parametrize("ending", [".py", ".js", ".css", ".html", ".sql"])
def test_no_file_is_over_400_lines(ending: str) -> None:
    for folder in (*LAYERS, "tests"):
        for file in files(folder, ending):
            assert len(file.read_bytes().splitlines()) <= 400, file.relative_to(ROOT)


def test_programs_are_authors_that_no_member_can_be() -> None:
    """A member's id has no colon, so what a program calls itself has one, or begins with SYSTEM."""
    named = {
        ast.unparse(call.args[0])
        for layer in LAYERS
        for file in files(layer)
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Author"
    }
    literals = {name for name in named if re.search("['\"]", name)}
    assert len(literals) >= 5
    assert [name for name in literals if not re.search("SYSTEM|PRINCIPAL|:", name)] == []


@pytest.mark.parametrize("folder", [*LAYERS, "tests"])
def test_docstrings_begin_with_what_they_are_about(folder: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {first}"
        for file in files(folder)
        for first in docstrings(file)
        if INVERTED.match(first) and first not in TITLES
    ]
    why = "begin with the thing itself: what begins with Of, Who, What, As or There is read twice"
    assert found == [], why


def docstrings(file: Path) -> Iterator[str]:
    """The first line of each."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield (ast.get_docstring(node) or "").partition("\n")[0]


def test_readme_lists_every_setting_as_it_is() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", README, re.MULTILINE)
    hints = get_type_hints(Settings, include_extras=True)
    fields = msgspec.structs.fields(Settings)
    assert rows == [
        (
            field.encode_name,
            "none" if field.default is None else _shown(field.default),
            hints[field.name].__metadata__[0].description,
        )
        for field in fields
    ]


def _shown(default: object) -> str:
    return f"`{default}`" if isinstance(default, Path) else str(default)


def test_readme_names_only_commands_that_there_are() -> None:
    named = set(re.findall(r"\bmake (?:-s )?([a-z-]+)", "\n".join(_code(README))))
    assert {"run", "test", "demo", "help"} <= named
    assert named <= _targets() | {"help"}


def test_readme_names_only_files_that_there_are() -> None:
    named = re.findall(r"(?<![\w/])((?:domain|projections|api|workers|sql|tests)/[\w./-]*)", README)
    named += re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_help_is_a_dozen_lines_at_most() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    lines = shown.splitlines()
    assert len(lines) <= 12
    assert {line.split()[1] for line in lines} == _targets()
    assert all(len(line) <= 100 for line in lines)


def _code(text: str) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)


def _targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
