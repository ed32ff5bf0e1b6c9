"""The promises of the OpenAPI description, checked on the running product by schemathesis."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.product import ROOT, Product

RUN = (sys.executable, "-m", "schemathesis.cli", "run")
HOW = ("--checks=all", "--suppress-health-check=all", "--no-color", "--request-timeout=10")
PUBLISHED = """
    Advice AgendaSession Announced Board BoardMission ConferenceBody Day Entry Event FieldError
    FoundNow FoundSoon FreeDay Generator Health Imported ItemBody Leaderboard Ledger Link ListedSync
    Me MessageBody Mission MissionBody MissionState Odd Overlap Patched Person PersonalAgenda Place
    ProblemDetails ProfileBody Progress Published QuestionBody ReadBody Report ReportBody Reports
    RequestedSync SavedItem SavedProfile SavedSpeaker ScheduleFile SentMessage Session SessionBody
    SessionNow SessionSoon SessionsNow SessionsSoon ShownSync Slot SpeakerBody Star StarredSession
    StatusBody SyncBody SyncOther SyncPatch Syncs Taken TelemetryBody ThreadMessage ThreadSummary
    ThreadWith Threads Wanted api_frab_Conference api_frab_Schedule
    projections_conferences_Conference projections_programme_Schedule
"""
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
        "SCHEMA_SYNC": f"{event} ben {_sync(product, event)}",
        "SCHEMA_MESSAGE": f"{event} ada {_message(product, event)}",
        "SCHEMA_ADDRESS": f"{event} {_addressed(product, event)}",
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
        timeout=600,
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


def _addressed(product: Product, event: str) -> str:
    """Ada, whose e-mail address is known from here on."""
    with product.client("admin", "admin") as admin:
        file = b"id,email,name\nada,ada@example.org,Ada\n"
        said = admin.post(f"/api/events/{event}/attendees/import", content=file)
    assert said.json()["accepted"] == 1
    return "ada"


def _sync(product: Product, event: str) -> str:
    """A sync that Ada has asked of whoever asks here."""
    for member in ("ada", "ben", "admin"):
        product.attendee(event, member)
    start = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    with product.member(event, "ada") as ada:
        body = {"with": "admin", "minutes": 30, "proposals": [start]}
        asked = ada.post(f"/api/events/{event}/syncs", json=body)
        sync_id: str = asked.raise_for_status().json()["sync_id"]
    return sync_id


def _message(product: Product, event: str) -> str:
    """A message from Ada to whoever asks."""
    for member in ("ada", "admin"):
        product.attendee(event, member)
    with product.member(event, "ada") as ada:
        sent = ada.post(f"/api/events/{event}/messages", json={"to": "admin", "text": "Hello"})
        message_id: str = sent.raise_for_status().json()["message_id"]
    return message_id


def test_components_are_named_as_they_were_published_wherever_their_types_are(
    product: Product,
) -> None:
    """Clients are generated from them. Of a name that several types have, the framework makes the
    path of the module: such types are to be named in `api.app.NAMES`."""
    described = httpx.get(f"{product.url}/schema/openapi.json")
    names = described.json()["components"]["schemas"].keys()
    published = set(PUBLISHED.split())
    assert names >= published
    assert not {name for name in names - published if "_" in name}
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', described.text))
    assert referred <= names
