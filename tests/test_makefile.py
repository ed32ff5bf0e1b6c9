"""The targets of make, as far as they can be seen without running them."""

import shutil
import subprocess
import sys
from pathlib import Path

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
