"""Profiles: `PUT /api/events/{event_id}/attendees/{member_id}`."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.attendees import ProfileBody
from api.http.request import decoded
from tests.api.agents.asking import nothing_recorded, problem
from tests.product import Product

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60)


def test_profile_is_said_back_whole(product: Product) -> None:
    event = product.event()
    profile = {
        "name": "Ada",
        "headline": "Counts",
        "company": "Engines",
        "role": "Founder",
        "avatar_url": "https://example.com/a.png?x=1#y",
        "interests": ["numbers"],
        "industries": ["weaving"],
        "focus_areas": ["poetry"],
        "goals": ["to fly"],
        "offers": ["notes"],
        "seeks": ["cards"],
        "visibility": "hidden",
        "on_leaderboard": False,
    }
    with product.member(event, "ada") as ada:
        said = ada.put(f"/api/events/{event}/attendees/ada", json=profile).json()
        least = ada.put(f"/api/events/{event}/attendees/me", json={"name": "Ada"}).json()
    assert said == profile | {"event_id": event, "member_id": "ada"}
    assert (least["member_id"], least["visibility"], least["on_leaderboard"]) == (
        "ada",
        "listed",
        True,
    )


def test_member_writes_their_own_profile_and_organizers_anyones(product: Product) -> None:
    event = product.event()
    body = {"name": "Bob"}
    with product.member(event, "ada") as ada, nothing_recorded(product):
        problem(ada.put(f"/api/events/{event}/attendees/bob", json=body), 403)
    with product.client("eve", f"event:{event}:organizer") as eve:
        said = eve.put(f"/api/events/{event}/attendees/bob", json=body).json()
        assert said["member_id"] == "bob"


def test_profile_at_an_event_that_is_not_there_is_404(product: Product) -> None:
    with product.client("eve", "admin") as eve, nothing_recorded(product):
        problem(eve.put("/api/events/evt_nowhere/attendees/bob", json={"name": "Bob"}), 404)


def test_name_shows_on_the_leaderboard_and_changes_there(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        ada.patch(f"/api/events/{event}/missions/goals", json={"status": "completed"})
        for name in ("Ada", "Countess"):
            ada.put(f"/api/events/{event}/attendees/me", json={"name": name})
            seen = ada.get(f"/api/events/{event}/leaderboard").json()
            assert [entry["name"] for entry in seen["entries"]] == [name]


@pytest.mark.parametrize("sent", ['"Zo\\u0065\\u0308"', '"Zoe\u0308"', '"Zo\\u00eb"', '"Zoë"'])
def test_text_is_normalised_however_it_was_written(product: Product, sent: str) -> None:
    event = product.event()
    with product.member(event, "zoe") as zoe:
        body = f'{{"name": {sent}, "interests": [{sent}]}}'.encode()
        said = zoe.put(f"/api/events/{event}/attendees/me", content=body).json()
        assert (said["name"], said["interests"]) == ("Zoë", ["Zoë"])
        with nothing_recorded(product):
            zoe.put(f"/api/events/{event}/attendees/me", json={"name": "Zoë", "interests": ["Zoë"]})


def test_newline_and_tab_are_no_reason_to_refuse(product: Product) -> None:
    event = product.event()
    with product.member(event, "ada") as ada:
        said = ada.put(f"/api/events/{event}/attendees/me", json={"name": "a\n\tb"})
        assert said.json()["name"] == "a\n\tb"


@given(name=TEXTS, tags=st.lists(TEXTS, max_size=3))
def test_texts_of_a_body_are_normalised_for_good(name: str, tags: list[str]) -> None:
    body = ProfileBody(name=name, interests=tuple(tags))
    assert body.name == unicodedata.normalize("NFC", name)
    assert ProfileBody(name=body.name, interests=body.interests) == body
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in name)
    assert decoded(f'{{"name": "{escaped}"}}'.encode(), ProfileBody).name == body.name
