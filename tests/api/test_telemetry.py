"""The telemetry of meet_attendees."""

from typing import Any

import httpx
import pytest

from tests.api.agents.asking import nothing_recorded, problem, recorded
from tests.api.test_missions import clicked, ledger, publish, statuses
from tests.product import Product, messages
from tests.store import ask

PLANT = """
INSERT INTO events.log (originator_id, originator_version, topic, state)
VALUES (%s, %s, 'ProfileViewed', convert_to(
    '{"at":"2026-01-01T01:00:00Z","actor":"ada","tenant":"evt_1","data":' || %s || '}', 'UTF8'
))
"""


class Meeting:
    """An event with people to meet, and ada, who reports what she does on their profiles."""

    def __init__(self, product: Product, *more: dict[str, Any], **of_mission: Any) -> None:
        self.product = product
        self.event = product.event({"id": "meet_attendees", "points": 20, **of_mission}, *more)
        for member in ("ada", "bob", "cyd", "dan", "eve"):
            product.attendee(self.event, member)
        self.client = product.member(self.event, "ada")
        self.seconds = 0

    def __enter__(self) -> "Meeting":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def reports(self, action: str, target: str, **more: Any) -> httpx.Response:
        self.seconds += 1
        ts = f"2026-01-01T00:{self.seconds // 60:02}:{self.seconds % 60:02}Z"
        body = {"action": action, "target_member_id": target, "ts": ts} | more
        path = f"/api/events/{self.event}/missions/meet_attendees/telemetry"
        return self.client.post(path, json=body)

    def views(self, target: str, seconds: float, **more: Any) -> None:
        answer = self.reports("view_profile", target, dwell_ms=int(seconds * 1000), **more)
        assert (answer.status_code, answer.content) == (204, b"")

    @property
    def status(self) -> str:
        return statuses(self.client, self.event)["meet_attendees"]

    @property
    def causes(self) -> list[str]:
        return [cause for _, cause, _, _ in ledger(self.client, self.event)]


def test_three_profiles_and_ten_seconds_complete_the_mission(product: Product) -> None:
    with Meeting(product) as ada:
        for target, seconds in (("bob", 4), ("cyd", 3), ("bob", 2), ("dan", 0.999)):
            ada.views(target, seconds)
            assert ada.status == "not_started"
        ada.views("bob", 0.001)
        assert ada.status == "completed"
        assert ada.causes == ["profiles_viewed"]


def test_two_profiles_never_complete_it_and_three_do_at_once(product: Product) -> None:
    with Meeting(product) as ada:
        ada.views("bob", 60)
        ada.views("cyd", 60)
        assert ada.status == "not_started"
        ada.views("dan", 0)
        assert ada.status == "completed"


@pytest.mark.parametrize("action", ["message_sent", "sync_created"])
def test_one_message_or_one_sync_completes_the_mission(product: Product, action: str) -> None:
    with Meeting(product) as ada, product.listening(ada.event, "ada") as feed:
        answer = ada.reports(action, "bob")
        assert answer.status_code == 204
        assert next(feed)["data"]["status"] == "completed"
        assert ada.causes == [action]


def test_message_of_the_products_own_has_completed_the_mission_as_it_is_answered(
    product: Product,
) -> None:
    with Meeting(product) as ada, product.listening(ada.event, "ada") as feed:
        message = {"to": "bob", "text": "Shall we meet?"}
        answer = ada.client.post(f"/api/events/{ada.event}/messages", json=message)
        assert answer.status_code == 201
        ada.client.headers["Min-Position"] = answer.headers["Event-Position"]
        assert (ada.status, ada.causes) == ("completed", ["message_sent"])
        heard = {one["event"]: one["data"] for one in (next(feed), next(feed))}
        assert heard["MISSION_UPDATED"]["status"] == "completed"
        assert ada.reports("message_sent", "bob").status_code == 204
        assert ada.causes == ["message_sent"]


def test_same_report_again_counts_once(product: Product) -> None:
    with Meeting(product) as ada:
        for target in ("bob", "cyd", "dan"):
            ada.views(target, 3, ts="2026-01-01T01:00:00Z")
        with nothing_recorded(product):
            for moment in ("2026-01-01T01:00:00Z", "2026-01-01T02:00:00.000+01:00"):
                ada.views("bob", 3, ts=moment)
        assert ada.status == "not_started"


def test_target_that_is_hidden_oneself_or_unknown_is_404(product: Product) -> None:
    with Meeting(product) as ada:
        product.attendee(ada.event, "hid", visibility="hidden")
        with nothing_recorded(product):
            for target in ("hid", "ada", "nobody"):
                for action in ("view_profile", "message_sent", "sync_created"):
                    problem(ada.reports(action, target), 404)


def test_after_completion_nothing_changes_but_the_signals(product: Product) -> None:
    with Meeting(product) as ada:
        ada.reports("sync_created", "bob")
        before = recorded(product)
        for action in ("view_profile", "message_sent", "sync_created"):
            assert ada.reports(action, "cyd").status_code == 204
        assert recorded(product) == before + 3
        assert ada.causes == ["sync_created"]


def test_telemetry_is_kept_where_there_is_no_such_mission_or_it_is_locked(
    product: Product,
) -> None:
    with Meeting(product, {"id": "goals"}, requires=["goals"]) as ada:
        assert ada.reports("message_sent", "bob").status_code == 204
        assert ada.status == "locked"
        clicked(ada.client, ada.event, "goals", "completed")
        assert ada.status == "completed"
        assert publish(product, ada.event).is_success
        assert ada.reports("message_sent", "cyd").status_code == 204


def test_telemetry_is_taken_for_meet_attendees_only(product: Product) -> None:
    event = product.event({"id": "goals"})
    product.attendee(event, "bob")
    body = {"action": "message_sent", "target_member_id": "bob", "ts": "2026-01-01T00:00:00Z"}
    with product.member(event, "ada") as ada, nothing_recorded(product):
        problem(ada.post(f"/api/events/{event}/missions/goals/telemetry", json=body), 404)


def test_feed_replays_what_telemetry_completed(product: Product) -> None:
    with Meeting(product) as ada:
        ada.reports("message_sent", "bob")
        path = f"/api/events/{ada.event}/members/me/stream?last_event_id=0"
        with ada.client.stream("GET", path) as response:
            first = next(messages(response.iter_lines()))
        assert first["data"]["missionId"] == "meet_attendees"


def test_reports_that_a_version_before_recorded_on_the_board_count(product: Product) -> None:
    with Meeting(product) as ada:
        for version, target in enumerate(("bob", "cyd"), 1):
            facts = f'{{"target_member_id":"{target}","ts":"2026-01-01T01:00:00Z","dwell_ms":5000}}'
            ask(product.database_url, PLANT, f"missions:{ada.event}:ada", version, facts)
        with nothing_recorded(product):
            ada.views("bob", 5, ts="2026-01-01T01:00:00Z")
        ada.views("dan", 0)
        assert (ada.status, ada.causes) == ("completed", ["profiles_viewed"])
        assert clicked(ada.client, ada.event, "meet_attendees", "not_started")
        ada.views("dan", 60)
        assert ada.status == "not_started"
