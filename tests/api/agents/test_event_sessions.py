"""The law of what to attend: whoever asks, and however, hears the same."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from api.agents.tool import PATH
from tests.api.agents.asking import Json
from tests.api.sessions_now import put, untimed
from tests.product import Product

AREAS = ("AI", "Web", "Zoë")

# Minutes from now, none of them near to where a window ends.
STARTS = (-90, -10.5, 2.5, 7.5, 17.5, 22.5, 40.5, 57.5, 90)
areas = st.lists(st.sampled_from(AREAS), max_size=3)
items = st.fixed_dictionaries(
    {
        "at": st.tuples(st.sampled_from(STARTS), st.sampled_from((5, 30.5, 120))),
        "focus_areas": areas,
        "speaker_ids": st.lists(st.sampled_from(["p1", "p2", "nobody"]), max_size=2),
        "status": st.sampled_from(["scheduled", "confirmed", "tentative", "cancelled"]),
        "item_type": st.sampled_from(["session", "session", "break"]),
    }
)


@pytest.fixture(scope="module")
def asking() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


async def by_mcp(product: Product, token: str, arguments: list[Json]) -> list[Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=10) as http:
        transport = streamable_http_client(f"{product.url}/mcp", http_client=http)
        async with Client(transport) as client:
            called = [await client.call_tool("event_sessions", given) for given in arguments]
    return [answer.structured_content["sessions"] for answer in called]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(agenda=st.lists(items, max_size=8), speaker=areas, own=areas)
def test_tool_page_and_agents_hear_the_same(
    product: Product, asking: asyncio.Runner, agenda: list[Json], speaker: list[str], own: list[str]
) -> None:
    event = product.event()
    product.attendee(event, "ada", focus_areas=own)
    with product.client("eve", f"event:{event}:organizer") as eve:
        for i, item in enumerate(agenda):
            start, length = item["at"]
            facts = {name: value for name, value in item.items() if name != "at"}
            put(eve, event, f"s{i}", start, start + length, **facts)
        for name in ("p1", "p2"):
            body = {"name": name, "focus_areas": speaker}
            last = eve.put(f"/api/events/{event}/speakers/{name}", json=body)
        shown = {"Min-Position": last.headers["Event-Position"]}
        wanted = [{"eventId": event, "timeWindow": window} for window in ("now", "next_60")]
        token = product.token("ada", f"event:{event}:member")
        called = asking.run(by_mcp(product, token, wanted))
        for arguments, answer in zip(wanted, called, strict=True):
            window = arguments["timeWindow"]
            by_tool = eve.post(
                f"{PATH}/event-sessions", json=arguments | {"contractorId": "ada"}, headers=shown
            )
            read = eve.get(
                f"/api/events/{event}/sessions",
                params={"window": window, "member_id": "ada"},
                headers=shown,
            )
            heard = [by_tool.json()["sessions"], read.json()["sessions"], answer]
            assert untimed(heard[0]) == untimed(heard[1]) == untimed(heard[2])


def test_speaker_who_is_named_twice_speaks_once(product: Product) -> None:
    event = product.event()
    with product.client("eve", f"event:{event}:organizer") as eve:
        eve.put(f"/api/events/{event}/speakers/p1", json={"name": "Grace"}).raise_for_status()
        put(eve, event, "s1", -5, 300, speaker_ids=["p1", "p1"])
        said = eve.post(f"{PATH}/event-sessions", json={"eventId": event, "timeWindow": "now"})
    assert [session["speaker_name"] for session in said.json()["sessions"]] == ["Grace"]
