"""Somebody who has asked for a sync, and somebody who has accepted one, is forgotten."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tests.flows.test_erasure import found, run, told
from tests.product import Product
from tests.waiting import PATIENCE
from workers.servers.processes import until

START = (datetime.now(UTC) + timedelta(days=1)).isoformat()
SAID = {"note": "A surreptitious tête-à-tête", "place": "Behind the quagga"}
NAMED = {"place": "Under the okapi"}


def test_words_are_gone_and_the_other_keeps_what_is_withdrawn(
    product: Product, tmp_path: Path
) -> None:
    event_id = product.event()
    path = f"/api/events/{event_id}/syncs"
    asker, asked = f"quin-{event_id}", f"ben-{event_id}"
    for who in (asker, asked):
        product.attendee(event_id, who, name=who)
    with product.member(event_id, asker) as quin, product.member(event_id, asked) as ben:
        body = {"with": asked, "minutes": 30, "proposals": [START], **SAID}
        sync_id = quin.post(path, json=body).raise_for_status().json()["sync_id"]
        accept = {"status": "accepted", "start": START, **NAMED}
        told(product)
        assert found(product, SAID).keys() >= {"views.sync_texts"}
        ben.patch(f"{path}/{sync_id}", json=accept).raise_for_status()
        told(product)
        kept = found(product, SAID | NAMED)
        assert not kept.keys() & {"events.log", "JetStream", "views.live_syncs", "views.due"}
        exported = tmp_path / "export.json"
        run(product, "export", asker, "--out", str(exported)).check_returncode()
        assert SAID["note"] in str(msgspec.json.decode(exported.read_bytes()))

        done = run(product, "erase", asker, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        told(product)
        assert found(product, SAID) == {}

        def is_withdrawn() -> bool:
            (sync,) = ben.get(path).json()["syncs"]
            return bool(sync["status"] == "withdrawn")

        assert until(is_withdrawn, PATIENCE)
        (sync,) = ben.get(path).json()["syncs"]
        assert (sync["note"], sync["place"]) == ("Erased", NAMED["place"])
        assert (sync["other"]["name"], sync["other"]["erased"]) == ("Erased", True)

        assert run(product, "erase", asked, "--yes").returncode == 0
        told(product)
        assert found(product, NAMED) == {}
