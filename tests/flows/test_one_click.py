"""The thinnest whole journey: one click, to every screen."""

from tests.product import Product


def test_one_click_reaches_reply_board_ledger_leaderboard_and_feed(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10}, {"id": "talk", "points": 15})
    with (
        product.listening(event, "ada") as feed,
        product.member(event, "ada") as ada,
    ):
        reply = ada.patch(f"/api/events/{event}/missions/goals", json={"status": "completed"})
        position = int(reply.headers["Event-Position"])
        told = next(feed)
        board = ada.get(f"/api/events/{event}/missions?member_id=me")
        ledger = ada.get(f"/api/events/{event}/missions/history?member_id=me")
        leaders = ada.get(f"/api/events/{event}/leaderboard")

    progress = {
        "points_earned": 10,
        "missions_completed": 1,
        "missions_total": 2,
        "points_total": 25,
    }
    assert reply.status_code == 200
    assert reply.json()["progress"] == progress
    assert told["id"] == position
    assert told["event"] == "MISSION_UPDATED"
    assert told["data"] == {
        "type": "MISSION_UPDATED",
        "missionId": "goals",
        "status": "completed",
        "points_earned": 10,
        "progress": progress,
    }
    assert board.headers["Cache-Control"] == "no-store"
    assert board.json()["progress"] == progress
    assert [m["status"] for m in board.json()["missions"]] == ["completed", "not_started"]
    assert board.json()["missions"][0]["updated_at"] == reply.json()["mission"]["updated_at"]
    assert [(e["position"], e["balance"]) for e in ledger.json()["entries"]] == [(position, 10)]
    assert leaders.json()["me"] == {"rank": 1, "points_earned": 10}
