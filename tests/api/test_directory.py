"""The directory and the best few: `GET /api/events/{event_id}/attendees` and `.../ranked`."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.agents.asking import problem
from tests.product import Product

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"name": "Ada", "seeks": ["Design partners"], "interests": ["AI"], "goals": ["to fly"]},
    "ben": {"name": "Ben", "company": "Zuse", "role": "Engineer", "interests": ["ai", "Web"]},
    "cleo": {"name": "Cléopâtre", "company": "Acme", "offers": ["design-partners"]},
    "dov": {"name": "Dov Bär", "company": "acme", "role": "Founder", "industries": ["Health"]},
    "eva": {"name": "Eva", "headline": "Hidden gem", "visibility": "hidden", "interests": ["AI"]},
}


class Conference:
    """An event with these people in it, as Ada sees it."""

    def __init__(self, product: Product, event: str, ada: httpx.Client) -> None:
        self.product, self.event, self.ada = product, event, ada
        self.path = f"/api/events/{event}/attendees"

    def directory(self, **query: Any) -> dict[str, Any]:
        said: dict[str, Any] = self.ada.get(self.path, params=query).raise_for_status().json()
        return said

    def ids(self, **query: Any) -> list[str]:
        return [item["member_id"] for item in self.directory(**query)["items"]]

    def ranked(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.ada.get(f"{self.path}/ranked", params=query).raise_for_status()
        assert answer.headers["cache-control"] == "private, max-age=0, no-store"
        found: list[dict[str, Any]] = answer.json()["attendees"]
        return found

    def save(self, member_id: str, profile: dict[str, Any]) -> None:
        with self.product.member(self.event, member_id) as member:
            position = member.put(f"{self.path}/me", json=profile).raise_for_status().headers
        self.ada.headers["Min-Position"] = position["event-position"]

    def block(self, member_id: str, other: str) -> None:
        with self.product.member(self.event, member_id) as member:
            answer = member.put(f"/api/events/{self.event}/blocks/{other}")
        assert answer.status_code == 204
        self.ada.headers["Min-Position"] = answer.headers["event-position"]


@pytest.fixture
def here(product: Product) -> Iterator[Conference]:
    event = product.event()
    with product.member(event, "ada") as ada:
        conference = Conference(product, event, ada)
        for member_id, profile in PEOPLE.items():
            conference.save(member_id, profile)
        yield conference


def test_best_few_come_with_scores_tags_reasons_and_where_to_go(here: Conference) -> None:
    best, second, third = here.ranked()
    assert best["member_id"] == "cleo"
    assert best["overlap_tags"] == ["design-partners"]
    assert best["reasons"] == ["They offer what you seek: design-partners"]
    assert best["scored"]
    assert best["actions"] == {
        "profile_url": f"/events/{here.event}/attendees/cleo",
        "message_url": f"/events/{here.event}/messages/cleo",
        "sync_url": f"/events/{here.event}/syncs/new?with=cleo",
    }
    assert second["reasons"] == ["You are both interested in ai"]
    assert 0 < second["match_score"] < best["match_score"] < 1
    assert (third["member_id"], third["match_score"], third["scored"]) == ("dov", 0.0, False)
    assert [one["member_id"] for one in here.ranked(limit=1)] == ["cleo"]


def test_who_has_no_profile_gets_those_who_did_something_last(here: Conference) -> None:
    with here.product.member(here.event, "zoe") as zoe:
        zoe.headers["Min-Position"] = here.ada.headers["Min-Position"]
        found = zoe.get(f"{here.path}/ranked").json()["attendees"]
    assert [one["member_id"] for one in found] == ["dov", "cleo", "ben", "ada"]
    assert {(one["match_score"], one["scored"]) for one in found} == {(0.0, False)}


@pytest.mark.parametrize(
    ("q", "ids"),
    [
        ("cleopatre", ["cleo"]),
        ("CLÉO", ["cleo"]),
        ("cleopatra", ["cleo"]),
        ("cleoptre", ["cleo"]),
        ("cleoqpatre", ["cleo"]),
        ("celopatre", ["cleo"]),
        ("bar acme", ["dov"]),
        ("acme", ["cleo", "dov"]),
        ("heal", ["dov"]),
        ("b", ["ben", "dov"]),
        ("gem", []),
        ("%", ["ben", "cleo", "dov"]),
        ("') OR (1", []),
        ("a|b .*", ["ben", "dov"]),
    ],
)
def test_search_forgives_accents_and_one_wrong_letter(
    here: Conference, q: str, ids: list[str]
) -> None:
    assert sorted(here.ids(q=q)) == ids


def test_filters_are_any_of_one_and_all_of_several(here: Conference) -> None:
    assert sorted(here.ids(companies=["ACME", "zuse"])) == ["ben", "cleo", "dov"]
    assert here.ids(companies=["ACME", "zuse"], roles="founder") == ["dov"]
    assert here.ids(industries="health", goals="to fly") == []


def test_counts_are_of_those_whom_the_other_filters_leave(here: Conference) -> None:
    counts = here.directory(roles="founder")["counts"]
    assert counts["companies"] == [{"value": "acme", "count": 1}]
    assert counts["roles"] == [{"value": "Engineer", "count": 1}, {"value": "Founder", "count": 1}]
    everybody = here.directory()["counts"]
    assert everybody["companies"] == [{"value": "Acme", "count": 2}, {"value": "Zuse", "count": 1}]
    assert everybody["goals"] == []  # Ada's own


def test_people_come_in_each_of_the_orders(here: Conference) -> None:
    assert here.ids() == ["cleo", "ben", "dov"]
    assert here.ids(sort="company") == ["cleo", "dov", "ben"]
    assert here.ids(sort="role") == ["ben", "dov", "cleo"]
    assert here.ids(sort="recently_active") == ["dov", "cleo", "ben"]
    with here.product.member(here.event, "ben") as ben:
        ben.put(f"{here.path}/me", json=PEOPLE["ben"] | {"role": "Poet"})
    here.save("dov", PEOPLE["dov"] | {"headline": "Back"})
    assert here.ids(sort="recently_active") == ["dov", "ben", "cleo"]


def test_pages_stay_as_they_are_while_people_join(here: Conference) -> None:
    first = here.directory(page_size=2)
    here.save("fay", {"name": "Fay", "offers": ["design partners"], "interests": ["AI"]})
    second = here.directory(page_size=2, page=2, joined_by=first["joined_by"])
    assert [one["member_id"] for one in first["items"] + second["items"]] == ["cleo", "ben", "dov"]
    assert (second["total"], second["joined_by"]) == (3, first["joined_by"])
    assert here.ids(page_size=2)[0] in {"fay", "cleo"}
    assert here.directory()["total"] == 4
    beyond = here.directory(page=1_000_000, page_size=100)
    assert (beyond["items"], beyond["total"]) == ([], 4)


def test_tag_changes_with_whatever_is_shown_and_with_nothing_else(here: Conference) -> None:
    def tag() -> str:
        answer = here.ada.get(here.path)
        assert answer.headers["cache-control"] == "private, max-age=120"
        again = here.ada.get(here.path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        return str(answer.headers["etag"])

    tags = [tag()]
    here.save("eva", PEOPLE["eva"] | {"headline": "Still hidden"})
    assert tag() == tags[0]
    here.save("ben", PEOPLE["ben"] | {"headline": "Now with a headline"})
    tags.append(tag())
    here.block("ben", "ada")
    tags.append(tag())
    here.block("ada", "dov")
    tags.append(tag())
    here.save("fay", {"name": "Fay"})
    tags.append(tag())
    assert len({*tags}) == len(tags)


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": 101},
        {"page_size": 0},
        {"page": 0},
        {"page": 10**9},
        {"sort": "name"},
        {"limit": "x", "page": "x"},
        {"industries": ["x"] * 21},
        {"q": "x" * 201},
        {"q": "\x00"},
        {"goals": "x" * 201},
        {"joined_by": -1},
        {"joined_by": 10**30},
    ],
    ids=str,
)
def test_query_out_of_range_is_400(here: Conference, query: dict[str, Any]) -> None:
    problem(here.ada.get(here.path, params=query), 400)


def test_thousands_of_filters_are_400(here: Conference) -> None:
    problem(here.ada.get(f"{here.path}?{'&'.join(['goals=x'] * 5_000)}"), 400)


def test_another_members_is_for_organizers(here: Conference) -> None:
    assert here.ada.get(here.path, params={"member_id": "ben"}).status_code == 403
    with here.product.client("org", f"event:{here.event}:organizer") as org:
        org.headers["Min-Position"] = here.ada.headers["Min-Position"]
        found = org.get(f"{here.path}/ranked", params={"member_id": "ada"}).json()
    assert found["member_id"] == "ada"
    assert [one["member_id"] for one in found["attendees"]] == ["cleo", "ben", "dov"]


def test_other_event_is_404_and_its_people_are_nowhere(here: Conference) -> None:
    other = here.product.event()
    with here.product.member(other, "ada") as ada:
        assert ada.get(f"/api/events/{other}/attendees").json()["total"] == 0
        problem(ada.get(f"/api/events/{other}/attendees/ben"), 404)
        problem(ada.get(f"{here.path}/ben"), 404)
        problem(ada.get(here.path), 404)


def test_profile_is_whole_and_says_what_the_asker_did(here: Conference) -> None:
    event = here.product.event({"id": "meet_attendees"})
    with here.product.member(event, "ada") as ada, here.product.member(event, "ben") as ben:
        ada.put(f"/api/events/{event}/attendees/me", json=PEOPLE["ada"])
        ben.put(f"/api/events/{event}/attendees/me", json=PEOPLE["ben"])
        path = f"/api/events/{event}/attendees/ben"
        sent = {"action": "view_profile", "target_member_id": "ben", "ts": "2026-09-01T09:00:00Z"}
        assert ada.get(path).json()["met"] == dict.fromkeys(("viewed", "messaged", "synced"), False)
        mission = f"/api/events/{event}/missions/meet_attendees/telemetry"
        assert ada.post(mission, json=sent).status_code == 204
        seen = ada.get(path).json()
        own = ben.get(f"/api/events/{event}/attendees/me").json()
    assert seen["met"] == {"viewed": True, "messaged": False, "synced": False}
    assert (seen["interests"], seen["sync"], seen["scored"]) == (["ai", "Web"], None, True)
    assert (own["member_id"], own["scored"]) == ("ben", False)


def test_own_profile_is_seen_while_hidden(here: Conference) -> None:
    with here.product.member(here.event, "eva") as eva:
        assert eva.get(f"{here.path}/eva").json()["headline"] == "Hidden gem"
    problem(here.ada.get(f"{here.path}/eva"), 404)


def test_odd_names_are_shown_as_they_are(here: Conference) -> None:
    names = [
        "x" * 200,
        "עדה לאבלייס",
        "👩‍🚀 Zoë",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
    ]
    for i, name in enumerate(names):
        here.save(f"odd-{i}", {"name": name, "interests": ["oddly", name]})
    shown = {one["member_id"]: one["name"] for one in here.directory(q="oddly")["items"]}
    assert shown == {f"odd-{i}": name for i, name in enumerate(names)}
    assert here.ids(q="לאבלייס") == ["odd-1"]
    assert here.ids(q="<script>") == ["odd-3"]
    with here.product.member(here.event, "eva") as eva:
        for bad in ({"name": "a\x00b"}, {"name": "x" * 201}, {"name": "a\x1bb"}):
            problem(eva.put(f"{here.path}/me", json=bad), 400)
        for address in ("http://example.org/a.png", "javascript:alert(1)", "data:image/png,x"):
            refused = eva.put(f"{here.path}/me", json={"name": "E", "avatar_url": address})
            said = problem(refused, 400)["errors"]
            assert said == [{"path": "$.avatar_url", "message": "must be an https address"}]


def test_member_reads_their_own_choices_and_nobody_elses(here: Conference) -> None:
    here.save("ada", PEOPLE["ada"] | {"visibility": "hidden", "on_leaderboard": False})
    own = here.ada.get(f"{here.path}/me").json()
    assert (own["visibility"], own["on_leaderboard"]) == ("hidden", False)
    other = here.ada.get(f"{here.path}/ben").json()
    assert (other["visibility"], other["on_leaderboard"]) == (None, None)
