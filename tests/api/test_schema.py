"""The promises of the OpenAPI description, checked on the running product by schemathesis."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.product import ROOT, Product

RUN = (sys.executable, "-m", "schemathesis.cli", "run")
HOW = ("--checks=all", "--suppress-health-check=all", "--no-color", "--request-timeout=10")
EXAMPLES = 10  # of an operation, besides its edges and the walks along its links


@pytest.mark.parametrize("seed", [1])
def test_no_answer_is_undocumented(product: Product, tmp_path: Path, seed: int) -> None:
    product.event()  # evt_1, which schemathesis comes across, and whose missions it replaces
    event = product.event({"id": "meet_attendees"}, {"id": "goals"})
    token = product.token("admin", "admin")
    hooks = {
        "SCHEMATHESIS_HOOKS": "tests.api.schema_hooks",
        "SCHEMA_EVENT": event,
        "SCHEMA_LINK": f"{event} ada {_secret(product, event)}",
    }
    run = subprocess.run(
        [
            *(*RUN, f"{product.url}/schema/openapi.json", *HOW, f"--seed={seed}"),
            *(f"--max-examples={EXAMPLES}", f"--header=Authorization: Bearer {token}"),
        ],
        cwd=tmp_path,
        env=os.environ | hooks | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    operations = len(httpx.get(f"{product.url}/schema/openapi.json").json()["paths"])
    assert operations > 10
    assert "No issues found" in run.stdout, run.stdout[-4000:]


def _secret(product: Product, event: str) -> str:
    """The secret in the link to Ada's agenda."""
    with product.member(event, "ada") as ada:
        path: str = ada.put(f"/api/events/{event}/calendar-link").json()["path"]
    return path.partition("=")[2]
