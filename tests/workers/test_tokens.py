"""`make token`: a token that opens something, or a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from tests.product import ROOT, SECRET


def token(sub: str, scope: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "api", "token", "--sub", sub, "--scope", scope],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_token_has_the_scopes_that_were_asked_for() -> None:
    scope = "admin metrics engagement event:e.1:member event:e:speaker:s client:c:creator"
    made = token("usr_a-b.c", scope, JWT_SECRET=SECRET)
    claims = jwt.decode(made.stdout.strip(), SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["scope"], made.stderr) == ("usr_a-b.c", scope, "")


@pytest.mark.parametrize(
    ("sub", "scope", "words"),
    [
        ("", "admin", "'' cannot be whose token it is"),
        ("a b", "admin", "'a b' cannot be whose token it is"),
        ("ada", "", "'' is no scope"),
        ("ada", "admin nonsense", "'nonsense' is no scope"),
        ("ada", "event:evt_1:speaker", "'event:evt_1:speaker' is no scope"),
    ],
)
def test_token_that_would_open_nothing_is_not_made(sub: str, scope: str, words: str) -> None:
    refused = token(sub, scope, JWT_SECRET=SECRET)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(words)


def test_short_secret_is_taken_and_spoken_of(tmp_path: Path) -> None:
    made = token("ada", "admin", JWT_SECRET="short", DATA_DIR=str(tmp_path))
    assert jwt.get_unverified_header(made.stdout.strip())["alg"] == "HS256"
    assert made.stderr == (
        "JWT_SECRET has 5 bytes. RFC 7518, 3.2 wants 32 or more: a short one can be guessed.\n"
    )


def test_data_dir_that_cannot_be_used_is_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = token("ada", "admin", JWT_SECRET="", DATA_DIR=str(tmp_path / "file"))
    assert refused.stderr.startswith(f"{tmp_path}/file cannot be used: File exists. Set DATA_DIR")
