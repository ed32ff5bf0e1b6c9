"""A question about all of an event while the projector is away: the tables as they are, and what
the asker did."""

from tests.api.agents.asking import problem
from tests.product import Product
from workers.servers.processes import until

COMPLETED = {"status": "completed"}


def test_asker_sees_their_own_clicks_and_is_told_how_old_the_rest_is(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}"
    with product.member(event, "ada") as ada, product.member(event, "bob") as bob:
        shown = ada.get(f"{path}/leaderboard")
        product.stop_workers()
        try:
            of_bob = bob.patch(f"{path}/missions/goals", json=COMPLETED).headers["Event-Position"]
            told = ada.patch(f"{path}/missions/goals", json=COMPLETED).headers["Event-Position"]
            later = bob.patch(f"{path}/missions/goals", json={"status": "not_started"})
            at = later.headers["Event-Position"]
            answer = ada.get(f"{path}/leaderboard")
            left = ada.get(f"{path}/leaderboard", headers={"Cookie": f"min-position={at}"})
            meant = ada.get(f"{path}/leaderboard", headers={"Min-Position": at})
        finally:
            product.start_workers()
        assert until(product.ready, 20)
        live = ada.get(f"{path}/leaderboard", headers={"Min-Position": at})

    assert "Read-Model" not in shown.headers
    for folded in (answer, left):
        assert folded.headers["Read-Model"] == "folded"
        assert folded.headers["Event-Position"] == told
        assert [e["member_id"] for e in folded.json()["entries"]] == ["ada"]
        assert folded.json()["me"] == {"rank": 1, "points_earned": 10}
    said = problem(meant, 503)
    assert (said["detail"], meant.headers["Retry-After"]) == (
        f"Position {at} is not here yet.",
        "1",
    )
    assert int(of_bob) < int(told) < int(at) <= int(live.headers["Event-Position"])
    assert live.json() == answer.json()
    assert "Read-Model" not in live.headers
