"""The one rule of who sees whom, over HTTP: every read, of every pair of an asker and another who
is hidden, blocked, blocks, was erased, or is at another event."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.api.agents.asking import problem
from tests.product import ROOT, Product

KINDS = ("plain", "hidden", "blocked", "blocking", "erased")
SOME = {"interests": ["AI"], "company": "Unseen Inc", "role": "Ghost", "goals": ["to be seen"]}


class People:
    """A member of each kind, of whom the askers block one and are blocked by another."""

    def __init__(self, product: Product, stack: ExitStack) -> None:
        self.event, elsewhere = product.event({"id": "goals"}), product.event({"id": "goals"})
        self.path = f"/api/events/{self.event}"
        names = [*KINDS, "asker", "shy"]
        everybody = {n: stack.enter_context(product.member(self.event, n)) for n in names}
        for name, member in everybody.items():
            hides = {"visibility": "hidden" if name in ("hidden", "shy") else "listed"}
            member.put(f"{self.path}/attendees/me", json={"name": f"Zz {name}"} | SOME | hides)
            completed = member.patch(f"{self.path}/missions/goals", json={"status": "completed"})
            self.before = completed.raise_for_status().headers["Event-Position"]
        foreign = stack.enter_context(product.member(elsewhere, "foreign"))
        foreign.put(f"/api/events/{elsewhere}/attendees/me", json={"name": "Zz foreign"} | SOME)
        self.askers = {name: everybody[name] for name in ("asker", "shy")}
        for name, asker in self.askers.items():
            asker.put(f"{self.path}/blocks/blocked")
            everybody["blocking"].put(f"{self.path}/blocks/{name}")
        command = [sys.executable, "-m", "workers", "erase", "erased", "--yes"]
        environment = product.environment
        subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, timeout=120, check=False
        )
        last = everybody["plain"].put(f"{self.path}/blocks/nobody").headers["Event-Position"]
        for asker in self.askers.values():
            asker.headers["Min-Position"] = last


@pytest.fixture(scope="module")
def people(product: Product) -> Iterator[People]:
    with ExitStack() as stack:
        yield People(product, stack)


READS = {
    "directory": "attendees",
    "searched": "attendees?q=zz",
    "with a wrong letter": "attendees?q=unsen",
    "filtered": "attendees?companies=unseen%20inc&roles=ghost&goals=To%20Be%20Seen",
    "by company": "attendees?sort=company",
    "lately": "attendees?sort=recently_active",
    "ranked": "attendees/ranked?limit=100",
    "leaderboard": "leaderboard?limit=100",
}


@pytest.mark.parametrize(("asker", "read"), [*itertools.product(("asker", "shy"), READS)])
def test_read_shows_those_whom_the_asker_sees(people: People, asker: str, read: str) -> None:
    answer = people.askers[asker].get(f"{people.path}/{READS[read]}").raise_for_status()
    said = answer.json()
    ids = {
        one["member_id"] for name in ("items", "attendees", "entries") for one in said.get(name, [])
    }
    if read == "leaderboard":
        assert ids == {"plain", "asker"}
        assert [one["rank"] for one in said["entries"]] == [*range(1, len(ids) + 1)]
        assert ("Zz erased" in answer.text, "blocked" in answer.text) == (False, False)
        return
    assert ids == {"plain", "asker"} - {asker}
    assert said.get("total", len(ids)) == len(ids)
    for counts in said.get("counts", {}).values():
        assert [one["count"] for one in counts] in ([len(ids)], [])


@pytest.mark.parametrize(("asker", "other"), [*itertools.product(("asker", "shy"), KINDS[1:])])
def test_profile_of_whom_the_asker_does_not_see_is_404(
    people: People, asker: str, other: str
) -> None:
    get = people.askers[asker].get
    assert get(f"{people.path}/attendees/plain").status_code == 200
    there_is_not = problem(get(f"{people.path}/attendees/{other}"), 404)["detail"]
    nobody = problem(get(f"{people.path}/attendees/nobody"), 404)["detail"]
    assert there_is_not == nobody.replace("nobody", other)
    problem(get(f"{people.path}/attendees/foreign"), 404)


def test_leaderboard_as_it_was_is_as_it_was(people: People) -> None:
    asker: httpx.Client = people.askers["asker"]
    then = asker.get(f"{people.path}/leaderboard", params={"as_of": people.before}).json()
    assert {"blocked", "blocking"} <= {entry["member_id"] for entry in then["entries"]}
    now = asker.get(f"{people.path}/leaderboard", params={"as_of": asker.headers["Min-Position"]})
    assert [entry["member_id"] for entry in now.json()["entries"]] == ["plain", "asker"]
