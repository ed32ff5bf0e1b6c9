"""The targets of make, as far as they can be seen without running them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import ROOT


def test_environment_that_was_broken_off_before_pip_came_is_made_anew(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").touch()

    assert "-m venv --clear .venv" in would_do(tmp_path)
    (tmp_path / ".venv/bin/pip").touch()
    assert "-m venv --clear .venv" not in would_do(tmp_path)


def would_do(folder: Path) -> str:
    ran = subprocess.run(
        ["make", "-n", "run"], cwd=folder, capture_output=True, text=True, check=True
    )
    return ran.stdout


@pytest.mark.parametrize(("given", "used"), [({}, ".data-demo"), ({"DATA_DIR": "d"}, "d")])
def test_demo_has_data_of_its_own_unless_another_place_is_given(
    given: dict[str, str], used: str, tmp_path: Path
) -> None:
    """With a Python that says only where it would work."""
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$DATA_DIR"\n')
    python.chmod(0o755)
    for name in ("bin/pip", "for-running"):
        (tmp_path / ".venv" / name).touch()
    for name in ("Makefile", "requirements.lock"):
        shutil.copy2(ROOT / name, tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "DATA_DIR"}
    ran = subprocess.run(
        ["make", "-s", "-o", "requirements.lock", "demo"],
        cwd=tmp_path,
        env=environment | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == f"{used}\n"


def test_budget_that_is_no_number_is_named_as_make_names_it() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "tests.laws", "--seconds", "ten"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert refused.stderr.endswith(
        "'ten' is no number of seconds, 1 or more. With make it is BUDGET=60.\n"
    )
