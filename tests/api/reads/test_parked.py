"""Reads of what a read model holds back, and what is said of it."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from projections.engine import lag
from projections.engine.election import connect
from projections.engine.lag import Lag
from projections.read_models import READ_MODELS
from tests.api import sessions_now
from tests.api.agents.asking import problem
from tests.product import Product
from tests.store import ask
from tests.waiting import PATIENCE
from workers.reactions import REACTIONS
from workers.servers.processes import until

COMPLETED = {"status": "completed"}
READS = ("schedule", "agenda", "sessions?window=now")
PARK = """
    INSERT INTO views.parked (reader, stream, position, problem)
    SELECT name, %s, (SELECT max(notification_id) + 1 FROM events.log), 'ValueError: no'
    FROM views.positions WHERE kind = 'read_model'
"""
HELD_BACK = (
    "{} holds events back that it cannot apply, from position {} on, and without them this cannot "
    "be shown. Nothing is lost: an operator finds them with `python -m workers parked list`."
)
UNREADABLE = "This stands on an event that this version cannot read. It has been noted."
TELL = "SELECT pg_notify('parked', 'all')"  # as the projector does


@pytest.fixture(scope="module")
def poisoned(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """A product of these tests' own."""
    with Product.running(new_database(), tmp_path_factory.mktemp("poisoned")) as product:
        yield product


def hold_back(product: Product, stream: str) -> None:
    """From now on, in every read model."""
    product.stop_workers()
    ask(product.database_url, PARK, stream)
    ask(product.database_url, TELL)
    product.start_workers()
    assert until(product.ready, 20)


def parked(product: Product) -> list[tuple[Any, ...]]:
    return ask(product.database_url, "SELECT reader FROM views.parked ORDER BY 1")


def let_go(product: Product, how: str) -> None:
    ask(product.database_url, "UPDATE views.parked SET asked = %s", how)
    assert until(lambda: not parked(product), 20)


def settled(product: Product) -> None:
    """Every read model has come to the end of the log: what is folded now is held back."""
    behind = """SELECT count(*) FROM views.positions
        WHERE kind = 'read_model' AND position < (SELECT max(notification_id) FROM events.log)"""
    assert until(lambda: ask(product.database_url, behind) == [(0,)], 20)


def ready(product: Product) -> Any:
    return httpx.get(f"{product.url}/health/ready").json()


def test_what_is_held_back_is_folded_so_that_nobody_is_shown_less(poisoned: Product) -> None:
    event = poisoned.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}/missions"
    reads = [path, f"{path}/history", f"/api/events/{event}/leaderboard"]
    with poisoned.member(event, "ada") as ada, poisoned.member(event, "ben") as ben:
        hold_back(poisoned, f"missions:{event}:ada")
        assert until(lambda: ready(poisoned)["degraded"], PATIENCE)  # it is kept for a second
        said = ready(poisoned)
        told = ada.patch(f"{path}/goals", json=COMPLETED).raise_for_status()
        ben.patch(f"{path}/goals", json=COMPLETED).raise_for_status()
        settled(poisoned)
        held_back = [ada.get(read) for read in reads]
        neighbour = [ben.get(read) for read in reads]
        let_go(poisoned, "replay")
        assert until(lambda: "Read-Model" not in ada.get(reads[-1]).headers, PATIENCE)
        replayed = [ada.get(read) for read in reads]

    assert said == {
        "status": "ready",
        "reasons": [],
        "degraded": [f"{name} has parked keys: 1" for name in sorted(m.name for m in READ_MODELS)],
    }
    assert [answer.headers.get("Read-Model") for answer in held_back] == ["folded"] * 3
    assert [answer.headers.get("Read-Model") for answer in neighbour] == [None, None, "folded"]
    assert [answer.headers.get("Read-Model") for answer in replayed] == [None] * 3
    for answer in held_back:
        assert int(answer.headers["Event-Position"]) >= int(told.headers["Event-Position"])
    board, ledger, leaders = (answer.json() for answer in held_back)
    assert board["missions"][0]["status"] == "completed"
    assert ledger["balance"] == 10
    assert [e["member_id"] for e in leaders["entries"]] == ["ada", "ben"]
    assert [answer.json() for answer in replayed] == [board, ledger, leaders]


def agenda_reads(event: str) -> list[tuple[str, str, Any]]:
    """Every way to ask what is on the agenda."""
    path = f"/api/events/{event}"
    tool = {"contractorId": "me", "eventId": event, "timeWindow": "now"}
    question = {"eventId": event, "question": "What is on?"}
    reads = ("schedule", "agenda", "sessions?window=now", "schedule.json", "schedule.ics")
    return [
        *(("GET", f"{path}/{read}", None) for read in reads),
        ("POST", "/api/ai-concierge/event-sessions", tool),
        ("POST", "/api/ai-concierge/ask", question),
    ]


def test_agenda_that_is_held_back_is_folded_however_it_is_asked_for(poisoned: Product) -> None:
    event = sessions_now.conference(poisoned)
    with (
        poisoned.client("eve", f"event:{event}:organizer") as eve,
        poisoned.member(event, "ada") as ada,
        httpx.Client(base_url=poisoned.url) as calendar,
    ):
        link = ada.put(f"/api/events/{event}/calendar-link").raise_for_status().json()["path"]
        hold_back(poisoned, f"agenda:{event}")
        sessions_now.put(eve, event, "new", -10, 300, title="Told a moment ago")
        ada.put(f"/api/events/{event}/sessions/new/star").raise_for_status()
        asked = agenda_reads(event)
        held_back = [ada.request(how, url, json=body) for how, url, body in asked]
        held_back.append(calendar.get(link))
        let_go(poisoned, "replay")
        assert until(lambda: "Read-Model" not in ada.get(asked[0][1]).headers, PATIENCE)
        replayed = [ada.request(how, url, json=body) for how, url, body in asked]
        replayed.append(calendar.get(link))

    assert [answer.headers.get("Read-Model") for answer in held_back] == ["folded"] * 8
    assert [answer.headers.get("Read-Model") for answer in replayed] == [None] * 8
    assert ["Told a moment ago" in answer.text for answer in held_back] == [True] * 8


def test_star_that_is_held_back_is_folded_for_whose_it_is(poisoned: Product) -> None:
    event = sessions_now.conference(poisoned)
    with poisoned.member(event, "ada") as ada, poisoned.member(event, "ben") as ben:
        hold_back(poisoned, f"stars:{event}:ada")
        ada.put(f"/api/events/{event}/sessions/web/star").raise_for_status()
        settled(poisoned)
        answers = [who.get(f"/api/events/{event}/{read}") for who in (ada, ben) for read in READS]
        let_go(poisoned, "replay")
    assert [answer.headers.get("Read-Model") for answer in answers] == [
        *("folded", "folded", None),
        *(None, None, None),
    ]
    assert answers[0].json()["starred"] == ["web"]
    assert sessions_now.ids(answers[1].json()["sessions"]) == ("web",)


def test_what_not_even_a_fold_can_show_is_503_and_nobody_else_is_touched(
    poisoned: Product,
) -> None:
    event = poisoned.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}/missions"
    with poisoned.member(event, "ada") as ada, poisoned.member(event, "ben") as ben:
        ask(
            poisoned.database_url,
            "INSERT INTO events.log VALUES (%s, 1, 'MissionCompleted', '{}')",
            f"missions:{event}:ada",
        )
        assert until(lambda: len(parked(poisoned)) == len((*READ_MODELS, *REACTIONS)), PATIENCE)
        assert until(lambda: ada.get(path).status_code == 503, PATIENCE)
        refused = [
            ada.get(path),
            ada.get(f"{path}/history"),
            ada.get(f"{path}?as_of=9999-01-01T00:00:00Z"),
            ada.patch(f"{path}/goals", json=COMPLETED),
            ben.get(f"/api/events/{event}/leaderboard"),
        ]
        ((first,),) = ask(poisoned.database_url, "SELECT max(notification_id) FROM events.log")
        patched = ben.patch(f"{path}/goals", json=COMPLETED)
        settled(poisoned)
        board = ben.get(path)
        let_go(poisoned, "drop")

    said = [problem(answer, 503) for answer in refused]
    parked_of = ("mission_board", "mission_ledger", None, None, "leaderboard")
    assert [one["detail"] for one in said] == [
        HELD_BACK.format(name, first) if name else UNREADABLE for name in parked_of
    ]
    assert {one["title"] for one in said} == {
        "This stands on an event that cannot be read or applied"
    }
    assert [answer.headers["Retry-After"] for answer in refused] == ["60"] * len(refused)
    assert patched.status_code == 200
    assert board.json()["missions"][0]["status"] == "completed"
    assert "Read-Model" not in board.headers
    assert ready(poisoned) == {"status": "ready", "reasons": [], "degraded": []}


def test_what_a_newer_version_recorded_is_shown_up_to_there_and_its_commands_wait(
    poisoned: Product,
) -> None:
    event = poisoned.event({"id": "goals", "points": 10}, {"id": "more", "points": 5})
    path = f"/api/events/{event}/missions"
    board = f"/api/events/{event}/leaderboard"
    reads = [path, f"{path}/history", board]
    with poisoned.member(event, "ada") as ada, poisoned.member(event, "ben") as ben:
        before = ada.patch(f"{path}/goals", json=COMPLETED).raise_for_status()
        told = int(before.headers["Event-Position"])
        ask(
            poisoned.database_url,
            "INSERT INTO events.log SELECT originator_id, originator_version + 1, "
            "'FromTheFuture', state FROM events.log WHERE notification_id = %s",
            told,
        )
        settled(poisoned)
        shown = [ada.get(read, headers={"Min-Position": str(told)}) for read in reads]
        ((newer,),) = ask(poisoned.database_url, "SELECT max(notification_id) FROM events.log")
        refused = [
            *(ada.get(read, headers={"Min-Position": str(newer)}) for read in reads[:2]),
            ada.get(path, headers={"Cookie": f"min-position={newer}"}),
            ada.get(f"{path}?as_of={newer}"),
            ada.get(f"{board}?as_of={newer}"),
            ada.patch(f"{path}/more", json=COMPLETED),
        ]
        patched = ben.patch(f"{path}/goals", json=COMPLETED).raise_for_status()
        settled(poisoned)
        minimum = {"Min-Position": patched.headers["Event-Position"]}
        of_ben = [ben.get(path, headers=minimum), ben.get(board)]
        wait = [
            f"{name} waits for a newer version of this program with keys: 1"
            for name in sorted(one.name for one in (*READ_MODELS, *REACTIONS))
        ]
        assert until(lambda: ready(poisoned)["degraded"] == wait, PATIENCE), ready(poisoned)
        lags = [(one.word, one.parked, one.waiting) for one in asyncio.run(fares(poisoned))]
        let_go(poisoned, "drop")

    assert [answer.status_code for answer in shown] == [200] * 3
    assert [answer.headers["Event-Position"] for answer in shown] == [str(told)] * 3
    assert shown[0].json()["missions"][0]["status"] == "completed"
    assert [e["member_id"] for e in shown[2].json()["entries"]] == ["ada"]
    details = [problem(answer, 503) for answer in refused]
    assert {one["title"] for one in details} == {"This stands on an event of a newer version"}
    assert [answer.headers["Retry-After"] for answer in refused] == ["2"] * len(refused)
    assert [answer.status_code for answer in of_ben] == [200, 200]
    assert {e["member_id"] for e in of_ben[1].json()["entries"]} == {"ada", "ben"}
    assert set(lags) == {("waiting", 0, 1)}


async def fares(product: Product) -> list[Lag]:
    """How the read models fare."""
    async with await connect(product.database_url, "test") as connection:
        return [one for one in await lag.read(connection) if one.kind == "read_model"]
