"""Lists of attendees in and out: `POST .../attendees/import`, `GET .../attendees.csv`."""

import csv
import io
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.agents.asking import nothing_recorded, problem
from tests.product import ROOT, Product
from tests.store import ask
from tests.workers.attendees.files import as_csv, pretix
from workers.attendees.decoding import BYTES


class Desk:
    """An organizer's."""

    def __init__(self, product: Product, client: httpx.Client, event_id: str) -> None:
        self.product, self.client, self.event_id = product, client, event_id
        self.path = f"/api/events/{event_id}/attendees"

    def send(self, file: bytes, **query: Any) -> httpx.Response:
        headers = {"Content-Type": query.pop("content_type", "text/csv")}
        path = self.path + "/import"
        return self.client.post(path, content=file, headers=headers, params=query, timeout=60)

    def said(self, file: bytes, **query: Any) -> dict[str, Any]:
        response = self.send(file, **query)
        assert response.status_code == 200, response.text
        report: dict[str, Any] = response.json()
        counted = report["accepted"], len(report["rejected"]), len(report["repeated"])
        assert report["rows"] == sum(counted)
        assert report["accepted"] == report["added"] + report["changed"] + report["unchanged"]
        return report

    def rows(self) -> list[dict[str, str]]:
        text = self.client.get(self.path + ".csv").content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def address(self, member_id: str) -> httpx.Response:
        return self.client.get(f"{self.path}/{member_id}/address")


@pytest.fixture
def desk(product: Product) -> Iterator[Desk]:
    event_id = product.event()
    with product.client("eve", f"event:{event_id}:organizer") as eve:
        yield Desk(product, eve, event_id)


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[name] for name in ("rows", "accepted", "added", "changed", "unchanged"))


FIRST = as_csv(["E-Mail", "Name", "Company"], ["ada@b.c", "Ada", "Engines"], ["ben@b.c", "Ben", ""])


def test_list_is_imported_and_again_changes_nothing(desk: Desk) -> None:
    first = desk.said(FIRST)
    assert counts(first) == (2, 2, 2, 0, 0)
    again = desk.said(FIRST)
    assert counts(again) == (2, 2, 0, 0, 2)
    assert again["import_id"] != first["import_id"]
    later = as_csv(
        ["name", "mail"], ["Ada Lovelace", "ADA@b.c"], ["Cleo", "cleo@b.c"], ["", "x@b.c"]
    )
    report = desk.said(later)
    assert counts(report) == (3, 2, 1, 1, 0)
    (nameless,) = report["rejected"]
    assert nameless["line"] == 4
    assert nameless["message"] == "has no name, and is not known yet: give the name too"
    assert {(row["name"], row["company"], row["email"]) for row in desk.rows()} == {
        ("Ada Lovelace", "Engines", "ADA@b.c"),
        ("Ben", "", "ben@b.c"),
        ("Cleo", "", "cleo@b.c"),
    }
    assert counts(desk.said(FIRST)) == (2, 2, 0, 1, 1)  # what was changed since is changed back


def test_only_columns_of_the_file_change(desk: Desk) -> None:
    profile = {"name": "Ada", "headline": "Counts", "goals": ["fly"], "visibility": "hidden"}
    desk.client.put(f"{desk.path}/ada", json=profile)
    assert counts(desk.said(as_csv(["id", "company"], ["ada", "Engines"]))) == (1, 1, 0, 1, 0)
    (row,) = desk.rows()
    assert (row["headline"], row["goals"], row["visibility"]) == ("Counts", "fly", "hidden")
    assert (row["company"], row["email"]) == ("Engines", "")
    assert counts(desk.said(as_csv(["id", "mail"], ["ada", "ada@b.c"]))) == (1, 1, 0, 1, 0)
    assert desk.address("ada").json()["email"] == "ada@b.c"
    by_address = as_csv(["mail", "company"], ["Ada@b.c", "Mills"])
    assert counts(desk.said(by_address)) == (1, 1, 0, 1, 0)
    assert desk.rows()[0]["company"] == "Mills"


def test_dry_run_says_the_same_and_records_nothing(desk: Desk) -> None:
    with nothing_recorded(desk.product):
        would = desk.said(FIRST, dry_run="true")
    assert counts(would) == counts(desk.said(FIRST)) == (2, 2, 2, 0, 0)
    assert would["import_id"] is None
    with nothing_recorded(desk.product):
        assert counts(desk.said(FIRST, dry_run="true")) == (2, 2, 0, 0, 2)


def test_strict_is_all_or_nothing(desk: Desk) -> None:
    wrong = as_csv(["mail", "name"], ["ada@b.c", "Ada"], ["ben", "Ben"], ["cleo@b.c", ""])
    with nothing_recorded(desk.product):
        said = problem(desk.send(wrong, strict="true"), 400)
    assert said["detail"] == "Nothing was imported, for 2 of 3 rows cannot be taken."
    assert [error["path"] for error in said["errors"]] == ["line 3, mail", "line 4"]
    assert counts(desk.said(FIRST, strict="true")) == (2, 2, 2, 0, 0)


def test_json_list_and_windows_1252_and_forms(desk: Desk) -> None:
    listed = [{"email": "ada@b.c", "name": "Ada", "interests": ["a;b", "c"]}, {"name": "Ben"}, 7]
    report = desk.said(json.dumps(listed).encode(), content_type="application/json")
    assert [one["line"] for one in report["rejected"]] == [2, 3]
    assert desk.rows()[0]["interests"] == r"a\;b; c"
    old = "mail,name\nzoe@b.c,Zoé".encode("cp1252")
    assert "encoding=windows-1252" in problem(desk.send(old), 400)["errors"][0]["message"]
    assert counts(desk.said(old, encoding="windows-1252")) == (1, 1, 1, 0, 0)
    charset = "text/csv; charset=iso-8859-1"
    assert counts(desk.said(old, content_type=charset)) == (1, 1, 0, 0, 1)
    form = desk.client.post(desk.path + "/import", files={"file": ("a.csv", FIRST)}).json()
    assert counts(form) == (2, 2, 1, 1, 0)


def test_broken_file_changes_nothing(desk: Desk) -> None:
    with nothing_recorded(desk.product):
        for file in (b"", b"a\0b", FIRST.decode().encode("utf-16"), b"a," * 10_000, b"name\nAda"):
            problem(desk.send(file), 400)
        problem(desk.send(FIRST, encoding="ebcdic"), 400)
        problem(desk.send(b"a" * (BYTES + 1)), 413)


def test_lists_and_addresses_are_for_organizers(desk: Desk) -> None:
    desk.said(as_csv(["id", "mail", "name"], ["ada", "ada@b.c", "Ada"]))
    with desk.product.member(desk.event_id, "ada") as ada, nothing_recorded(desk.product):
        problem(ada.post(desk.path + "/import", content=FIRST), 403)
        problem(ada.get(desk.path + ".csv"), 403)
        problem(ada.get(f"{desk.path}/ada/address"), 403)
    problem(desk.address("nobody"), 404)
    with desk.product.client("eve", "admin") as eve, nothing_recorded(desk.product):
        nowhere = "/api/events/evt_nowhere/attendees"
        problem(eve.post(nowhere + "/import", content=FIRST), 404)
        problem(eve.get(nowhere + ".csv"), 404)


def test_what_is_personal_is_nowhere_plain(desk: Desk) -> None:
    secret = f"{uuid.uuid4().hex}@b.c"
    desk.said(as_csv(["mail", "name"], [secret, "Ada"]))
    url = desk.product.database_url
    plain = "SELECT count(*) FROM events.log WHERE position(%s::bytea IN state) > 0"
    assert ask(url, plain, secret.encode()) == [(0,)]
    assert logged(desk, "RosterOpened") == [{}]


def logged(desk: Desk, topic: str) -> list[Any]:
    """The facts of these events, without what is sealed."""
    query = (
        "SELECT convert_from(state, 'UTF8') FROM events.log WHERE topic = %s"
        " AND originator_id = %s ORDER BY notification_id"
    )
    rows = ask(desk.product.database_url, query, topic, f"roster:{desk.event_id}:~")
    return [json.loads(state)["data"] for (state,) in rows]


def test_pretix_export_whole(desk: Desk) -> None:
    positions = [
        {
            "Order code": f"O{n}",
            "Status": "Paid",
            "Attendee name": f"Person {n}",
            "Attendee email": f"p{n}@b.c",
            "Company": "Engines",
        }
        for n in range(600)
    ]
    assert counts(desk.said(pretix(*positions))) == (600, 600, 600, 0, 0)
    strict = pretix(*(p | {"Company": "Mills"} for p in positions))
    assert counts(desk.said(strict, strict="true")) == (600, 600, 0, 600, 0)


def test_import_is_in_the_log_with_its_numbers(desk: Desk) -> None:
    report = desk.said(FIRST)
    (begun,), (ended,) = (logged(desk, f"AttendeeImport{what}") for what in ("Begun", "Ended"))
    assert begun["import_id"] == ended["import_id"] == report["import_id"]
    assert ended["added"] == report["added"] == 2


def test_who_was_erased_is_forgotten_with_their_address_and_not_imported_again(desk: Desk) -> None:
    product, email = desk.product, f"{uuid.uuid4().hex}@b.c"
    file = as_csv(["mail", "name"], [email, "Ada"])
    desk.said(file)
    (row,) = desk.rows()
    environment = {"DATABASE_URL": product.database_url, "DATA_DIR": str(product.home)}
    assert email in operated(environment, "export", row["member_id"])
    operated(environment, "erase", row["member_id"], "--yes")
    assert desk.rows() == []
    problem(desk.address(row["member_id"]), 404)
    (rejected,) = desk.said(file)["rejected"]
    assert rejected["message"].startswith("was erased here, as people may ask for")


def operated(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "workers", *arguments]
    kept = {name: value for name, value in os.environ.items() if name != "NATS_URL"}
    ran = subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_key_gives_the_first_report_again(desk: Desk) -> None:
    path, key = desk.path + "/import", {"Idempotency-Key": "a key"}
    first = desk.client.post(path, content=FIRST, headers=key).json()
    with nothing_recorded(desk.product):
        assert desk.client.post(path, content=FIRST, headers=key).json() == first
        other = as_csv(["mail", "name"], ["x@b.c", "X"])
        problem(desk.client.post(path, content=other, headers=key), 409)
        problem(desk.client.post(path, content=FIRST, headers={"Idempotency-Key": "a" * 129}), 400)
