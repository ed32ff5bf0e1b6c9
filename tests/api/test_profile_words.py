"""Words of others here: `GET /api/events/{event_id}/profile-words`."""

from typing import Any

from tests.product import Product

PEOPLE: dict[str, dict[str, Any]] = {
    "ben": {"offers": ["Design partners"], "goals": ["to fly"]},
    "cleo": {"offers": ["design-partners", "Chess"], "goals": ["to fly"]},
    "dov": {"offers": ["Secrets"], "goals": ["to fly"], "visibility": "hidden"},
    "eva": {"offers": ["Poison"], "goals": ["to fly"]},
}


def test_words_are_those_of_whom_the_asker_sees(product: Product) -> None:
    event = product.event()
    at = f"/api/events/{event}"
    for member_id, profile in PEOPLE.items():
        with product.member(event, member_id) as member:
            body = {"name": member_id, **profile}
            member.put(f"{at}/attendees/me", json=body).raise_for_status()
    with product.member(event, "ada") as ada:
        ada.put(f"{at}/attendees/me", json={"name": "Ada", "offers": ["Mine"]}).raise_for_status()
        answer = ada.put(f"{at}/blocks/eva")
        position = answer.raise_for_status().headers["event-position"]
        said = ada.get(f"{at}/profile-words", headers={"Min-Position": position}).json()
    assert said["words"]["offers"][1:] == [{"value": "Chess", "count": 1}]
    first = said["words"]["offers"][0]
    assert (first["value"].lower().replace("-", " "), first["count"]) == ("design partners", 2)
    assert said["words"]["goals"] == [{"value": "to fly", "count": 2}]
    assert said["words"]["seeks"] == []
