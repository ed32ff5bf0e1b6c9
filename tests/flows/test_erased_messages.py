"""Somebody who has written, and was reported or has reported, is forgotten."""

from pathlib import Path

import httpx
import msgspec

from tests.flows.test_erasure import found, run, told
from tests.product import Product

SAID = {"text": "A clandestine rendezvous, quokka"}
WHY = {"reason": "Impertinence most flagrant"}


def written(product: Product, event_id: str, by: httpx.Client, to: str, text: str) -> str:
    path = f"/api/events/{event_id}/messages"
    answer = by.post(path, json={"to": to, "text": text}, headers={"Idempotency-Key": text[:9]})
    message_id: str = answer.raise_for_status().json()["message_id"]
    return message_id


def test_words_are_gone_and_the_other_keeps_the_thread(product: Product, tmp_path: Path) -> None:
    event_id = product.event()
    path = f"/api/events/{event_id}/messages"
    author, reader = f"quin-{event_id}", f"ben-{event_id}"
    for who in (author, reader):
        product.attendee(event_id, who, name=who)
    with product.member(event_id, author) as quin, product.member(event_id, reader) as ben:
        message_id = written(product, event_id, quin, reader, SAID["text"])
        written(product, event_id, ben, author, "With pleasure")
        ben.post(f"{path}/{message_id}/report", json=WHY).raise_for_status()
        told(product)
        assert found(product, SAID).keys() >= {"views.thread_messages"}
        assert not found(product, SAID).keys() & {"events.log", "JetStream", "views.live_messages"}
        exported = tmp_path / "export.json"
        run(product, "export", author, "--out", str(exported)).check_returncode()
        assert SAID["text"] in str(msgspec.json.decode(exported.read_bytes()))

        done = run(product, "erase", author, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        told(product)
        assert found(product, SAID) == {}
        (thread,) = ben.get(path).json()["threads"]
        assert (thread["name"], thread["erased"]) == ("Erased", True)
        messages = ben.get(path, params={"with": author}).json()["messages"]
        assert [(m["text"], m["erased"]) for m in messages] == [
            ("Erased", True),
            ("With pleasure", False),
        ]
        with product.client("eve", f"event:{event_id}:organizer") as eve:
            reports = f"/api/events/{event_id}/reports"
            (report,) = eve.get(reports).json()["reports"]
            assert (report["text"], report["reason"]) == ("Erased", WHY["reason"])
            assert run(product, "erase", reader, "--yes").returncode == 0
            told(product)
            assert found(product, WHY) == {}
            (report,) = eve.get(reports).json()["reports"]
            assert (report["by"], report["reason"]) == (reader, "")
