"""Messages: `POST` and `GET /api/events/{event_id}/messages`, read marks and reports."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.agents.asking import nothing_recorded, paths, problem
from tests.product import Product

Json = dict[str, Any]


class Two:
    """Ada and Ben at an event."""

    def __init__(self, product: Product, event_id: str, ada: httpx.Client, ben: httpx.Client):
        self.product, self.event_id, self.ada, self.ben = product, event_id, ada, ben
        self.path = f"/api/events/{event_id}/messages"

    def send(self, by: httpx.Client, to: str, text: str, **headers: str) -> httpx.Response:
        return by.post(self.path, json={"to": to, "text": text}, headers=headers)

    def sent(self, by: httpx.Client, to: str, text: str) -> str:
        answer = self.send(by, to, text)
        assert answer.status_code == 201, answer.text
        message_id: str = answer.json()["message_id"]
        return message_id

    def threads(self, of: httpx.Client, **query: Any) -> Json:
        answer: Json = of.get(self.path, params=query).raise_for_status().json()
        return answer

    def texts(self, of: httpx.Client, other: str) -> list[str]:
        return [m["text"] for m in self.threads(of, **{"with": other})["messages"]]

    def block(self, by: httpx.Client, whom: str, method: str = "PUT") -> None:
        path = f"/api/events/{self.event_id}/blocks/{whom}"
        by.request(method, path).raise_for_status()


@pytest.fixture
def two(product: Product, event_id: str) -> Iterator[Two]:
    product.attendee(event_id, "ada", company="Engines")
    product.attendee(event_id, "ben", company="Clocks", headline="Winds them")
    with product.member(event_id, "ada") as ada, product.member(event_id, "ben") as ben:
        yield Two(product, event_id, ada, ben)


def test_message_is_in_both_threads_and_unread_in_one(two: Two) -> None:
    answer = two.send(two.ada, "ben", "Shall we\nmeet? 🎉")
    assert answer.status_code == 201
    said = answer.json()
    assert said.keys() == {"message_id", "thread_with", "at"}
    assert said["thread_with"] == "ben"
    assert int(answer.headers["Event-Position"]) > 0
    of_ben, of_ada = two.threads(two.ben), two.threads(two.ada)
    assert of_ben["unread"] == 1
    assert of_ben["threads"] == [
        {
            "with": "ada",
            "name": "Ada",
            "headline": "",
            "company": "Engines",
            "avatar_url": "",
            "erased": False,
            "from": "ada",
            "excerpt": "Shall we meet? 🎉",
            "at": of_ben["threads"][0]["at"],
            "unread": 1,
        }
    ]
    assert (of_ada["unread"], of_ada["threads"][0]["with"]) == (0, "ben")
    (message,) = two.threads(two.ben, **{"with": "ada"})["messages"]
    assert (message["message_id"], message["text"]) == (said["message_id"], "Shall we\nmeet? 🎉")


def test_read_mark_counts_up_to_the_message_that_was_seen(two: Two) -> None:
    first = two.sent(two.ada, "ben", "One")
    two.sent(two.ada, "ben", "Two")
    mark = f"{two.path}/ada/read"
    assert two.ben.put(mark, json={"until": first}).status_code == 204
    assert two.threads(two.ben)["unread"] == 1
    assert two.ben.put(mark).status_code == 204
    assert two.threads(two.ben)["unread"] == 0
    with nothing_recorded(two.product):
        assert two.ben.put(mark, json={}).status_code == 204
        assert two.ben.put(mark, json={"until": first}).status_code == 204
        assert two.ben.put(f"{two.path}/nobody/read").status_code == 204


def test_same_words_within_a_minute_are_one_message_unless_keys_say_otherwise(two: Two) -> None:
    one = two.sent(two.ada, "ben", "Hello")
    with nothing_recorded(two.product):
        assert two.sent(two.ada, "ben", "Hello") == one
    keyed = two.send(two.ada, "ben", "Hello", **{"Idempotency-Key": "k1"}).json()["message_id"]
    again = two.send(two.ada, "ben", "Hello", **{"Idempotency-Key": "k1"}).json()["message_id"]
    assert (keyed == again, keyed != one) == (True, True)
    assert two.texts(two.ben, "ada") == ["Hello", "Hello"]


def test_block_hides_the_thread_from_both_and_lifting_it_brings_it_back(two: Two) -> None:
    two.sent(two.ada, "ben", "Hello")
    never = problem(two.send(two.ada, "nobody", "Hello"), 404)["detail"]
    two.block(two.ben, "ada")
    for me, other in ((two.ada, "ben"), (two.ben, "ada")):
        with nothing_recorded(two.product):
            told = problem(two.send(me, other, "And now?"), 404)["detail"]
        assert told == never.replace("nobody", other)
        assert two.threads(me)["threads"] == []
        assert two.threads(me)["unread"] == 0
        shown = problem(me.get(two.path, params={"with": other}), 404)["detail"]
        assert shown == told
    two.block(two.ben, "ada", "DELETE")
    assert two.threads(two.ben)["unread"] == 1
    assert two.texts(two.ada, "ben") == ["Hello"]


@pytest.mark.parametrize("who", ["ada", "ben"])
def test_thread_with_somebody_hidden_is_shown_to_neither_until_they_are_listed(
    two: Two, who: str
) -> None:
    two.sent(two.ada, "ben", "Hello")
    two.product.attendee(two.event_id, who, visibility="hidden")
    assert [two.threads(me)["threads"] for me in (two.ada, two.ben)] == [[], []]
    problem(two.send(two.ada, "ben", "More"), 404 if who == "ben" else 409)
    two.product.attendee(two.event_id, who)
    assert [len(two.threads(me)["threads"]) for me in (two.ada, two.ben)] == [1, 1]


def test_pages_reach_everything_once_the_latest_first(two: Two) -> None:
    for n in range(7):
        two.sent(two.ada, "ben", f"Message {n}")
    before, found = None, list[str]()
    while True:
        query = {"with": "ada", "limit": 3} | ({"before": before} if before else {})
        page = two.threads(two.ben, **query)
        found = [m["text"] for m in page["messages"]] + found
        if (before := page["before"]) is None:
            break
    assert found == [f"Message {n}" for n in range(7)]
    for n in range(3):
        two.product.attendee(two.event_id, f"usr_{n}")
        two.sent(two.ada, f"usr_{n}", "Hi")
    first = two.threads(two.ada, limit=3)
    rest = two.threads(two.ada, limit=3, before=first["before"])
    assert [t["with"] for t in first["threads"] + rest["threads"]] == [
        *("usr_2", "usr_1", "usr_0"),
        "ben",
    ]
    assert rest["before"] is None


def test_strangers_are_few_an_hour_and_a_key_is_heard_again_later(two: Two) -> None:
    for n in range(20):
        two.product.attendee(two.event_id, f"usr_{n}")
        two.sent(two.ada, f"usr_{n}", "Hi")
    refused = two.send(two.ada, "ben", "Hi", **{"Idempotency-Key": "k"})
    assert "20 messages an hour" in problem(refused, 429)["detail"]
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    two.sent(two.ben, "ada", "Write to me")
    assert two.send(two.ada, "ben", "Hi", **{"Idempotency-Key": "k"}).status_code == 201


def test_report_shows_organizers_the_message_and_nothing_else(
    two: Two, organizer: httpx.Client
) -> None:
    one, _ = two.sent(two.ada, "ben", "Something rude"), two.sent(two.ada, "ben", "Kinder")
    report = f"{two.path}/{one}/report"
    problem(two.ada.post(report, json={"reason": "Not hers to report"}), 404)
    assert two.ben.post(report, json={"reason": "Rude"}).status_code == 204
    with nothing_recorded(two.product):
        assert two.ben.post(report, json={"reason": "Very rude"}).status_code == 204
    path = f"/api/events/{two.event_id}/reports"
    (found,) = organizer.get(path).json()["reports"]
    assert found == {
        "message_id": one,
        "by": "ben",
        "author": "ada",
        "text": "Something rude",
        "reason": "Rude",
        "at": found["at"],
    }
    problem(two.ben.get(path), 403)


@pytest.mark.parametrize("text", ["", "a" * 2001, "a\x00b", "a\x1bb", "a\x85b"])
def test_text_that_is_none_too_long_or_has_control_characters_is_400(two: Two, text: str) -> None:
    with nothing_recorded(two.product):
        assert paths(two.send(two.ada, "ben", text)) == ["$.text"]


@pytest.mark.parametrize("text", ["مرحبا بالعالم", "👩‍👩‍👧‍👦", "<b>no</b>", "a\n\tb", "x" * 2000])
def test_text_is_kept_as_it_was_written(two: Two, text: str) -> None:
    two.sent(two.ada, "ben", text)
    assert two.texts(two.ben, "ada") == [text]


def test_live_feed_tells_both_that_something_was_written_and_not_what(two: Two) -> None:
    with two.product.listening(two.event_id, "ben") as ben:
        with two.product.listening(two.event_id, "ada") as ada:
            answer = two.send(two.ada, "ben", "Between us")
            heard = [next(ben), next(ada)]
        two.ben.put(f"{two.path}/ada/read").raise_for_status()
        read = next(ben)
    said = answer.json()
    for message in heard:
        assert message["event"] == "MESSAGE_RECEIVED"
        assert message["data"] == {
            "type": "MESSAGE_RECEIVED",
            "message_id": said["message_id"],
            "from": "ada",
            "to": "ben",
            "at": message["data"]["at"],
        }
    assert (read["event"], read["data"]["with"], read["data"]["unread"]) == (
        *("MESSAGES_READ", "ada"),
        0,
    )
    with psycopg.connect(two.product.database_url) as connection:
        kept = connection.execute("SELECT string_agg(data::text, '') FROM views.live_messages")
        assert "Between us" not in str(kept.fetchone())


def test_another_process_shows_what_the_first_has_told(two: Two, tmp_path: Path) -> None:
    with two.product.another_api(tmp_path) as other:
        answer = two.send(two.ada, "ben", "Hello")
        headers = {"Min-Position": answer.headers["Event-Position"]}
        with other.member(two.event_id, "ben") as ben:
            assert ben.get(two.path, headers=headers).json()["unread"] == 1
            assert ben.put(f"{two.path}/ada/read").status_code == 204
    assert two.threads(two.ben)["unread"] == 0
