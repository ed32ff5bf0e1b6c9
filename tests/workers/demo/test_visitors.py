"""Whoever visits the demo alone is written to, asked for a sync, and answered, not too often."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.product import SECRET, Product
from workers.demo.client import EVENT, Client
from workers.demo.company import ANSWERS, MINUTES, OTHERS, accompany
from workers.demo.conference import NEWCOMER, PEOPLE, VISITORS
from workers.demo.fill import build
from workers.demo.words import RULES, answer, greeting

Json = dict[str, Any]


class Visit:
    def __init__(self, client: Client) -> None:
        self.client = client

    def looked_after(self, **later: float) -> None:
        accompany(self.client, NEWCOMER, datetime.now(UTC) + timedelta(**later))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        return self.client.ask(NEWCOMER.id, method, f"{EVENT}/{path}", body)

    @property
    def threads(self) -> list[Json]:
        threads: list[Json] = self.ask("GET", "messages")["threads"]
        return threads

    @property
    def syncs(self) -> list[Json]:
        syncs: list[Json] = self.ask("GET", "syncs")["syncs"]
        return syncs

    def said_by(self, other: str) -> list[str]:
        messages = self.ask("GET", f"messages?with={other}")["messages"]
        return [one["text"] for one in messages if one["from"] == other]

    def says(self, other: str, text: str) -> None:
        self.ask("POST", "messages", {"to": other, "text": text})


def test_visitor_is_written_to_answered_and_asked_for_a_sync(database: str, tmp_path: Path) -> None:
    with (
        Product.running(database, tmp_path) as product,
        closing(Client(product.url, SECRET)) as client,
    ):
        build(client)
        visit = Visit(client)
        assert (visit.threads, visit.syncs) == ([], [])
        visit.looked_after()
        (thread,), (sync,) = visit.threads, visit.syncs
        assert thread["with"] in OTHERS
        assert (sync["with"], sync["minutes"], sync["status"]) == (
            *(NEWCOMER.id, MINUTES),
            "requested",
        )
        assert sync["from"] not in {thread["with"], *(one.id for one in VISITORS)}

        visit.looked_after()
        assert (len(visit.threads), len(visit.syncs)) == (1, 1)
        start = sync["proposals"][0]
        answered = {"status": "accepted", "start": start}
        assert visit.ask("PATCH", f"syncs/{sync['sync_id']}", answered)["status"] == "accepted"

        for n in range(ANSWERS + 3):
            visit.says(thread["with"], f"And number {n}?")
            visit.looked_after()
        said = visit.said_by(thread["with"])
        assert len(said) == len({*said}) == ANSWERS

        another = next(one for one in OTHERS if one not in {thread["with"], sync["from"]})
        starts = [(datetime.fromisoformat(start) + timedelta(hours=26)).isoformat()]
        mine = visit.ask("POST", "syncs", {"with": another, "minutes": 15, "proposals": starts})
        visit.looked_after()
        status = {one["sync_id"]: one["status"] for one in visit.syncs}
        assert status[mine["sync_id"]] in {"accepted", "declined"}
        visit.looked_after(minutes=30)
        assert len(visit.threads) == 2


@given(st.text(max_size=40), st.sampled_from(PEOPLE))
def test_answer_is_never_said_twice_and_ends(text: str, person: Any) -> None:
    said: list[str] = []
    while (one := answer(person, text, said)) is not None:
        assert one not in said
        said.append(one)
    assert 0 < len(said) <= sum(len(rule.answers) for rule in RULES)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Shall we meet?", "I would like that."),
        ("thank you", "You are welcome!"),
        ("Hello!", "Hello! What brings you here?"),
        ("Why?", "Good question."),
        ("I see.", "That is good to hear."),
    ],
)
def test_answer_suits_what_was_said(text: str, begins: str) -> None:
    said = answer(PEOPLE[5], text, [])
    assert said
    assert said.startswith(begins)


def test_greeting_names_something_that_both_have_where_there_is_something() -> None:
    assert "Postgres is in your profile as well as in mine" in greeting(
        PEOPLE[5], "Noor", ["Postgres", "triage"]
    )
    assert greeting(PEOPLE[5], "Noor", []).startswith("Hello Noor, I am ")
