"""What a reader of the repository relies on: its layers, and that its README tells the truth."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from tests.product import ROOT
from workers.settings import Settings

# What each layer may import of the project, itself apart: nothing points back.
MAY_IMPORT = {
    "domain": {"sql"},
    "sql": {"domain"},
    "projections": {"domain", "sql"},
    "workers": {"domain", "sql", "projections"},
    "api": {"domain", "sql", "projections", "workers"},
}
PURE = (
    "agenda",
    "aggregate",
    "attendees",
    "calendar_links",
    "capabilities",
    "catalogues",
    "conferences",
    "errors",
    "missions",
    "slots",
    "stars",
)
PURE_IMPORTS = {
    *("bisect", "collections", "datetime", "domain", "graphlib", "hashlib", "itertools"),
    *("msgspec", "re", "typing"),
}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def top(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_layer_imports_no_layer_outside_of_it(layer: str) -> None:
    layers = {*MAY_IMPORT, "tests"} - {layer}
    for module in modules(layer):
        outside = {top(name) for name in imported(module)} & layers - MAY_IMPORT[layer]
        assert not outside, f"{module.name} imports {outside}"


@pytest.mark.parametrize("name", PURE)
def test_deciders_import_nothing_that_opens_anything(name: str) -> None:
    tops = {top(found) for found in imported(ROOT / "domain" / f"{name}.py")}
    assert tops <= PURE_IMPORTS


def test_domain_knows_neither_the_web_nor_the_bus() -> None:
    known = {top(name) for module in modules("domain") for name in imported(module)}
    assert not known & {"litestar", "nats", "uvicorn", "httpx"}


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
