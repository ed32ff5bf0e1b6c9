"""Insights for organizers: `GET /api/events/{event_id}/attendees/insights`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from domain.reports import RecordTelemetry
from tests.api.agents.asking import paths, problem
from tests.boards import recording
from tests.product import Product

NOTHING = {
    *("views", "messages", "messages_reported"),
    *("syncs", "syncs_accepted", "syncs_reported"),
}


def test_acts_are_counted_in_their_hour_and_say_nothing_of_whom(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    path = f"/api/events/{event_id}"
    for member in ("ada", "ben"):
        product.attendee(event_id, member)
    start = datetime.now(UTC) + timedelta(hours=1)
    at_nine = {"with": "ada", "minutes": 30, "proposals": [start.isoformat()]}
    with product.member(event_id, "ada") as ada, product.member(event_id, "ben") as ben:
        for text in ("Hello", "Shall we meet?"):
            ada.post(f"{path}/messages", json={"to": "ben", "text": text}).raise_for_status()
        asked = ben.post(f"{path}/syncs", json=at_nine).raise_for_status().json()
        accepted = ada.patch(f"{path}/syncs/{asked['sync_id']}", json={"status": "accepted"})
        assert accepted.is_success
    with recording(product.database_url) as record:
        (last,) = record(
            RecordTelemetry(
                event_id=event_id,
                member_id="ben",
                target_member_id="ada",
                action="view_profile",
                ts=datetime.now(UTC),
                dwell_ms=1,
            )
        )
    organizer.headers["Min-Position"] = str(last)
    answer = organizer.get(f"{path}/attendees/insights", params={"hours": 2}).raise_for_status()
    hours: list[dict[str, Any]] = answer.json()["hours"]
    first, second = (datetime.fromisoformat(one["hour"]) for one in hours)
    assert second - first == timedelta(hours=1)
    assert {name: sum(one[name] for one in hours) for name in NOTHING} == dict.fromkeys(
        NOTHING, 0
    ) | {"views": 1, "messages": 2, "syncs": 1, "syncs_accepted": 1}
    assert not {"ada", "ben"} & {*answer.text.split('"')}


def test_hours_in_which_nothing_was_done_are_there_too(
    event_id: str, organizer: httpx.Client
) -> None:
    hours = organizer.get(f"/api/events/{event_id}/attendees/insights").json()["hours"]
    assert len(hours) == 48
    assert all(one[name] == 0 for one in hours for name in NOTHING)


@pytest.mark.parametrize("hours", ["0", "169", "x"])
def test_window_is_a_week_at_most(event_id: str, organizer: httpx.Client, hours: str) -> None:
    path = f"/api/events/{event_id}/attendees/insights"
    assert len(paths(organizer.get(path, params={"hours": hours}))) == 1


def test_members_are_refused_and_an_event_that_is_not_there_is_404(
    event_id: str, ada: httpx.Client, product: Product
) -> None:
    problem(ada.get(f"/api/events/{event_id}/attendees/insights"), 403)
    with product.client("root", "admin") as admin:
        problem(admin.get("/api/events/evt_nowhere/attendees/insights"), 404)
