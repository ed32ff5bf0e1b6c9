"""`python -m workers`, whatever the command."""

import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from tests.product import ROOT
from workers.__main__ import COMMANDS


def test_every_command_can_be_run() -> None:
    modules = [command.run for command in COMMANDS if isinstance(command.run, str)]
    assert all(callable(import_module(f"workers.{name}").main) for name in modules)
    assert len(modules) > 5


def test_ctrl_c_while_it_still_imports_says_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "workers", "lag", "--watch"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "", "DATA_DIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert any("domain.errors" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert all(line.startswith("import time:") for line in said.splitlines())
    assert process.returncode in (-signal.SIGINT, 130)
