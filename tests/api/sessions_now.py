"""A conference that is on at this very moment, for the calls that know no other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.agents.asking import Json
from tests.product import Product

NOW, NEXT_60 = ("ai", "opening", "web"), ("keynote", "tea")  # as ada has them, best first


def conference(product: Product) -> str:
    """Its id. Two of three sessions that are on, and one of two that come, are Ada's kind."""
    event = product.event()
    product.attendee(event, "ada", focus_areas=["AI", "Lunch"])
    with product.client("eve", f"event:{event}:organizer") as eve:
        speaker = {"name": "Grace", "focus_areas": ["AI"]}
        eve.put(f"/api/events/{event}/speakers/p1", json=speaker).raise_for_status()
        put(eve, event, "opening", -30, 300, speaker_ids=["p1"], location="Hall 1")
        put(eve, event, "web", -20, 300, focus_areas=["Web"])
        put(eve, event, "ai", -40, 300, focus_areas=["AI", "Lunch"])
        put(eve, event, "tea", 10, 300)
        put(eve, event, "keynote", 14.5, 300, focus_areas=["Lunch"])
        put(eve, event, "tomorrow", 24 * 60, 25 * 60)
        put(eve, event, "lunch", -5, 300, item_type="break")
    return event


def put(client: httpx.Client, event: str, item_id: str, *minutes: float, **more: Any) -> None:
    """From one minute to another, from now on."""
    start, end = ((datetime.now(UTC) + timedelta(minutes=m)).isoformat() for m in minutes)
    item = {"title": item_id.title(), "start_time": start, "end_time": end} | more
    client.put(f"/api/events/{event}/agenda/{item_id}", json=item).raise_for_status()


def ids(sessions: list[Json]) -> tuple[str, ...]:
    return tuple(session["session_id"] for session in sessions)


def untimed(sessions: list[Json]) -> list[Json]:
    """Without what passes while one asks."""
    return [{k: v for k, v in s.items() if k != "minutes_until_start"} for s in sessions]
