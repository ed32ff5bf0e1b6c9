"""The project's modules and what each imports of them, for the rules in `test_repository.py`."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.product import ROOT

LAYERS = ("domain", "sql", "projections", "workers", "api")


class Import(NamedTuple):
    """`module` as it is written down; `name` where it is taken out of a module by `from`."""

    module: str
    name: str = ""


def files(folder: str, ending: str = ".py") -> list[Path]:
    return sorted((ROOT / folder).rglob(f"*{ending}"))


def dotted(file: Path) -> str:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(file: Path) -> Iterator[Import]:
    """Every import of a file, those inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file} imports by a relative name"
            yield from (Import(node.module or "", name.name) for name in node.names)


def graph() -> dict[str, set[Import]]:
    """The imports of each module of the project that are of the project too."""
    modules = {dotted(file): file for layer in LAYERS for file in files(layer)}

    def resolved(found: Import) -> Import | None:
        if f"{found.module}.{found.name}" in modules:
            return Import(f"{found.module}.{found.name}")
        return found if found.module in modules else None

    return {
        name: {known for found in imports(file) if (known := resolved(found))}
        for name, file in modules.items()
    }


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other: Tarjan's strongly connected components of two or
    more nodes, each sorted."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            first = stack.index(node)
            component = stack[first:]
            del stack[first:]
            if len(component) > 1:
                found.append(sorted(component))

    for node in edges:
        if node not in number:
            visit(node)
    return found
