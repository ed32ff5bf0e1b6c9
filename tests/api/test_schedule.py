"""Schedules in, and the agenda out again, call by call."""

import gzip
import time
from typing import Any

import httpx
import pytest

from api.http.problems import LARGEST_BODY
from api.schedule import LARGEST_SCHEDULE
from tests.api.agents.asking import Json, nothing_recorded, paths, problem
from tests.product import Product
from tests.workers.schedules.files import EVENT, REAL, event, frab, of_revisions, real, xml
from workers.schedules import read

KEYS = ("added", "changed", "cancelled", "unchanged")
NOTHING = dict.fromkeys((*KEYS[:3], "kept_by_hand", "kept_though_dropped", "speakers"), 0)


def at(event_id: str, path: str) -> str:
    return f"/api/events/{event_id}{path}"


def post(client: httpx.Client, event_id: str, file: bytes, **how: Any) -> Json:
    answer = client.post(at(event_id, "/schedule"), content=file, **how)
    assert answer.status_code == 200, answer.text
    said: Json = answer.json()
    return said


def counts(said: Json) -> tuple[int, ...]:
    return tuple(said[key] for key in KEYS)


def exported(client: httpx.Client, event_id: str) -> bytes:
    answer = client.get(at(event_id, "/schedule.json"))
    assert answer.status_code == 200, answer.text
    return answer.content


# In
def test_schedule_is_imported_and_says_what_came_of_it(
    event_id: str, organizer: httpx.Client
) -> None:
    file = xml(EVENT, event("2026-02-01T11:00:00+01:00", guid="talk-2"), event(guid="talk-3"))
    assert post(organizer, event_id, file) == {
        "event_id": event_id,
        "source": "small",
        "added": 3,
        "changed": 0,
        "cancelled": 0,
        "unchanged": 0,
        "kept_by_hand": 0,
        "kept_though_dropped": 0,
        "speakers": 1,
        "odd": [{"where": "the file", "what": "names no time zone: Europe/Brussels is taken"}],
    }


def test_later_revision_changes_only_what_changed(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    first = frab({"guid": "a"}, {"guid": "b"}, {"guid": "c"})
    later = frab({"guid": "a"}, {"guid": "b", "title": "On stacks"}, {"guid": "d"})
    assert counts(post(organizer, event_id, first)) == (3, 0, 0, 0)
    assert counts(post(organizer, event_id, later)) == (1, 1, 1, 1)
    with nothing_recorded(product):
        assert counts(post(organizer, event_id, gzip.compress(later))) == (0, 0, 0, 3)
    assert counts(post(organizer, event_id, first)) == (0, 2, 1, 1)


def test_other_source_cancels_nothing_of_the_first(event_id: str, organizer: httpx.Client) -> None:
    post(organizer, event_id, frab({"guid": "a"}))
    other = post(organizer, event_id, frab({"guid": "b"}), params={"source": "workshops"})
    assert (other["source"], counts(other)) == ("workshops", (1, 0, 0, 0))


def test_item_changed_by_hand_is_kept_and_counted(event_id: str, organizer: httpx.Client) -> None:
    post(organizer, event_id, frab({"guid": "a"}, {"guid": "b"}))
    organizer.delete(at(event_id, "/agenda/a")).raise_for_status()
    again = post(organizer, event_id, frab({"guid": "a"}, {"guid": "b"}))
    assert (counts(again), again["kept_by_hand"]) == ((0, 0, 0, 2), 1)


def test_item_changed_by_hand_that_a_revision_drops_stays_on_and_is_counted(
    event_id: str, organizer: httpx.Client
) -> None:
    post(organizer, event_id, frab({"guid": "a"}, {"guid": "b"}))
    item = {
        "title": "On stacks",
        "start_time": "2026-02-01T10:00:00Z",
        "end_time": "2026-02-01T11:00:00Z",
    }
    organizer.put(at(event_id, "/agenda/b"), json=item).raise_for_status()
    said = [post(organizer, event_id, frab({"guid": "a"})) for _ in range(2)]
    assert [(counts(one), one["kept_though_dropped"]) for one in said] == [
        ((0, 0, 0, 1), 1),
        ((0, 0, 0, 1), 0),
    ]
    assert {i.title for i in read(exported(organizer, event_id)).items} == {
        "On queues",
        "On stacks",
    }


def test_session_that_two_sources_list_goes_when_neither_has_it(
    event_id: str, organizer: httpx.Client
) -> None:
    both, one = frab({"guid": "a"}, {"guid": "b"}), frab({"guid": "a"})
    said = [
        counts(post(organizer, event_id, file, params={"source": source}))
        for source, file in (("x", both), ("y", both), ("x", one), ("y", one), ("y", one))
    ]
    assert said == [(2, 0, 0, 0), (0, 0, 0, 2), (0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 0, 1)]


def test_session_names_the_people_of_the_file_and_two_under_one_number_are_told(
    event_id: str, organizer: httpx.Client
) -> None:
    """And an id that is made here says nothing of the name."""
    film, routers = ({"id": 106, "public_name": name} for name in ("Nora Stein", "Tomas Weit"))
    file = frab(
        {"guid": "a", "persons": [film, {"public_name": "Lena Quell"}]},
        {"guid": "b", "title": "Routers", "persons": [routers]},
    )
    (told,) = post(organizer, event_id, file)["odd"]
    assert told["where"] == "$.schedule.conference.days[0].rooms['Hall'][1].persons[0]"
    assert told["what"].endswith("that another name has too: taken for two people")
    assert "quell" not in exported(organizer, event_id).decode().replace("Lena Quell", "")
    later = post(organizer, event_id, frab({"guid": "b", "title": "Routers", "persons": [routers]}))
    assert (counts(later), later["speakers"], later["odd"]) == ((0, 0, 1, 1), 0, [])
    (whom,) = post(
        organizer, event_id, frab({"guid": "c", "persons": [{**film, "public_name": "X"}]})
    )["odd"]
    assert whom["what"] == "has an id that stood for another name before: taken for another person"
    sessions = organizer.get(at(event_id, "/schedule")).json()["sessions"]
    assert {s["session_id"]: s["speaker_name"] for s in sessions} == {
        "a": "Nora Stein, Lena Quell",
        "b": "Tomas Weit",
        "c": "X",
    }


def test_two_sources_with_the_same_ids_have_their_sessions_beside_each_other(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    one, other = (
        frab({"guid": "a", "title": title, "persons": [{"id": 1, "public_name": by}]})
        for title, by in (("Film", "Nora Stein"), ("Routers", "Tomas Weit"))
    )
    assert counts(post(organizer, event_id, one, params={"source": "x"})) == (1, 0, 0, 0)
    assert counts(post(organizer, event_id, other, params={"source": "y"})) == (1, 0, 0, 0)
    with nothing_recorded(product):
        for source, file in (("x", one), ("y", other)):
            assert counts(post(organizer, event_id, file, params={"source": source})) == (
                0,
                0,
                0,
                1,
            )
    sessions = organizer.get(at(event_id, "/schedule")).json()["sessions"]
    assert sorted((s["session_title"], s["speaker_name"]) for s in sessions) == [
        ("Film", "Nora Stein"),
        ("Routers", "Tomas Weit"),
    ]


def test_export_that_came_in_again_keeps_nothing_on(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    post(organizer, event_id, frab({"guid": "a"}, {"guid": "b"}))
    assert counts(post(organizer, event_id, exported(organizer, event_id))) == (0, 0, 0, 2)
    with nothing_recorded(product):
        again = post(organizer, event_id, exported(organizer, event_id))
    assert again.items() >= NOTHING.items()
    assert counts(post(organizer, event_id, frab({"guid": "a"}))) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("file", "path"),
    [
        (b"", "the file"),
        (b"<schedule>\n<day>", "line 2, column 6"),
        (xml(EVENT, event("2026-02-01T25:00:00+01:00")), "line 4, column 26"),
        (frab({"guid": "a"}, {"guid": "b", "duration": "long"}), None),
        (b'{"schedule": 1}', "the file"),
        (gzip.compress(xml(EVENT))[:-9], "the file"),
    ],
)
def test_broken_file_says_where_and_changes_nothing(
    product: Product, event_id: str, organizer: httpx.Client, file: bytes, path: str | None
) -> None:
    with nothing_recorded(product):
        answer = organizer.post(at(event_id, "/schedule"), content=file)
    expected = path or "$.schedule.conference.days[0].rooms['Hall'][1].duration"
    assert paths(answer) == [expected]


BOMB = b"""<!DOCTYPE schedule [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<schedule>&b;</schedule>"""
OUTSIDE = b"""<!DOCTYPE schedule [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<schedule>&a;</schedule>"""
ELSEWHERE = (
    b'<!DOCTYPE schedule SYSTEM "http://127.0.0.1:9/schedule.dtd">\n<schedule>&a;</schedule>'
)


@pytest.mark.parametrize(
    ("file", "path", "message"),
    [
        (BOMB, "line 1, column 32", "declares an entity: that is refused"),
        (OUTSIDE, "line 1, column 59", "declares an entity: that is refused"),
        (ELSEWHERE, "line 2, column 11", "names an entity that is not declared: that is refused"),
        (b'<?xml version="1.0" encoding="klingon"?>\n<schedule/>', "line 1, column 31", "klingon"),
        (b"<schedule>\n\xff</schedule>", "line 2, column 1", "is no XML: not well-formed"),
        (b'{"schedule": "\n\xff"}', "line 2, column 1", "is no UTF-8"),
    ],
)
def test_hostile_or_garbled_file_is_refused_with_its_place(
    product: Product,
    event_id: str,
    organizer: httpx.Client,
    file: bytes,
    path: str,
    message: str,
) -> None:
    with nothing_recorded(product):
        answer = organizer.post(at(event_id, "/schedule"), content=file)
    (error,) = problem(answer, 400)["errors"]
    assert (error["path"], message in error["message"]) == (path, True), error


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_schedule_is_read_in_the_encoding_that_it_says(
    event_id: str, organizer: httpx.Client, encoding: str
) -> None:
    says = "utf-8" if encoding == "utf-8-sig" else encoding
    text = f'<?xml version="1.0" encoding="{says}"?>' + xml(event(guid="a", title="Über")).decode()
    text = text.replace("<date></date>", "").replace("<start>", "<date>2026-02-01</date><start>")
    post(organizer, event_id, text.encode(encoding))
    assert read(exported(organizer, event_id)).items[0].title == "Über"


def test_file_may_come_in_a_form_as_curl_sends_it(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    file = gzip.compress(xml(EVENT))
    path = at(event_id, "/schedule")
    answer = organizer.post(path, files={"file": ("schedule.xml.gz", file)}, data={"more": "x"})
    assert counts(answer.json()) == (1, 0, 0, 0)
    with nothing_recorded(product):
        assert counts(organizer.post(path, files={"file": file}).json()) == (0, 0, 0, 1)
        as_picture = post(organizer, event_id, file, headers={"Content-Type": "image/png"})
        assert counts(as_picture) == (0, 0, 0, 1)
        two = organizer.post(path, files=[("file", ("a", file)), ("file", ("b", file))])
        assert "2 files" in problem(two, 400)["errors"][0]["message"]
        cut = {"Content-Type": "multipart/form-data; boundary=x"}
        assert paths(organizer.post(path, content=b"--x\r\n\r\nabc", headers=cut)) == ["$"]
        assert paths(organizer.post(path, content=b"", headers=cut)) == ["$"]
        pieces = {"Content-Type": "multipart/form-data; boundary*1*=x; boundary*=x"}
        assert paths(organizer.post(path, content=b"--x--", headers=pieces)) == ["$"]


def test_slots_of_one_talk_keep_their_stars_when_an_earlier_one_is_removed(
    event_id: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    slots = [event(f"2026-02-0{day}T10:00:00Z", guid="again") for day in (1, 2, 3)]
    post(organizer, event_id, xml(*slots))
    ada.put(at(event_id, "/sessions/again.2/star")).raise_for_status()
    assert counts(post(organizer, event_id, xml(*slots[1:]))) == (0, 0, 1, 2)
    (held,) = ada.get(at(event_id, "/agenda")).json()["sessions"]
    assert (held["session_id"], held["session_time"]) == ("again.2", "2026-02-02T10:00:00Z")


def test_speaker_whom_a_later_revision_drops_is_no_more_in_its_session(
    event_id: str, organizer: httpx.Client
) -> None:
    both = [{"id": 1, "public_name": "Ada"}, {"id": 2, "public_name": "Ben"}]
    post(organizer, event_id, frab({"guid": "a", "persons": both}))
    later = post(organizer, event_id, frab({"guid": "a", "persons": both[1:]}))
    assert (counts(later), later["speakers"]) == ((0, 1, 0, 0), 0)
    assert [s.name for s in read(exported(organizer, event_id)).speakers] == ["Ben"]


def test_schedule_may_be_larger_than_other_bodies_but_bounded(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    large = frab({"guid": "a"}).ljust(2 * LARGEST_BODY)
    assert counts(post(organizer, event_id, large)) == (1, 0, 0, 0)
    with nothing_recorded(product):
        refused = organizer.post(
            at(event_id, "/schedule"), content=large.ljust(LARGEST_SCHEDULE + 1)
        )
        assert "at most 16,777,216 bytes" in problem(refused, 413)["detail"]
        bomb = gzip.compress(large.ljust(LARGEST_SCHEDULE + 1))
        assert paths(organizer.post(at(event_id, "/schedule"), content=bomb)) == ["the file"]


def test_key_that_comes_again_gets_the_first_counts(event_id: str, organizer: httpx.Client) -> None:
    first = frab({"guid": "a"})
    key = {"Idempotency-Key": "a schedule once"}
    said = post(organizer, event_id, first, headers=key)
    assert post(organizer, event_id, first, headers=key) == said
    other = organizer.post(at(event_id, "/schedule"), content=frab({"guid": "b"}), headers=key)
    problem(other, 409)
    elsewhere = organizer.post(at(event_id, "/schedule?source=b"), content=first, headers=key)
    problem(elsewhere, 409)
    assert counts(post(organizer, event_id, first)) == (0, 0, 0, 1)


def test_import_is_for_organizers_of_an_event_that_is_there(
    product: Product, event_id: str, ada: httpx.Client
) -> None:
    with nothing_recorded(product), product.client("eve", "admin") as admin:
        problem(ada.post(at(event_id, "/schedule"), content=xml(EVENT)), 403)
        for path in ("/schedule.json", "/schedule.ics"):
            problem(admin.get(at("evt_nowhere", path)), 404)
        problem(admin.post(at("evt_nowhere", "/schedule"), content=xml(EVENT)), 404)


@real
def test_fosdem_2024_is_imported_soon_and_again_without_a_change(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    """How soon it should be, the bench says: this machine may have much else to do."""
    file = (REAL / "fosdem-2024.xml.gz").read_bytes()
    began = time.monotonic()
    first = post(organizer, event_id, file)
    assert (counts(first), first["speakers"]) == ((874, 0, 0, 0), 948)
    with nothing_recorded(product):
        assert counts(post(organizer, event_id, file)) == (0, 0, 0, 874)
    assert time.monotonic() - began < 10


@real
def test_five_revisions_of_fosdem_2025_change_what_changed(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    known: dict[str, bool] = {}  # whether it takes place
    expected, said = [], []
    for file in of_revisions().values():
        listed = {item.id: item.status != "cancelled" for item in read(file).items}
        gone = [id_ for id_, takes_place in known.items() if takes_place > listed.get(id_, False)]
        expected.append((len(listed.keys() - known.keys()), len(gone)))
        said.append(post(organizer, event_id, file))
        assert said[-1]["added"] + said[-1]["unchanged"] <= len(listed)
        known = dict.fromkeys(known, False) | listed
    assert {one["source"] for one in said} == {"fosdem-2025"}
    assert [(one["added"], one["cancelled"]) for one in said] == expected
    assert expected == [(904, 0), (197, 17), (37, 24), (6, 4), (1, 0)]
    again = post(organizer, event_id, exported(organizer, event_id))
    assert (counts(again), again["odd"]) == ((0, 0, 0, 904 + 197 + 37 + 6 + 1), [])


FILES = sorted(path.name for path in REAL.glob("*")) if REAL.is_dir() else []


@real
@pytest.mark.parametrize("name", [name for name in FILES if "revisions" not in name])
def test_real_schedule_comes_in_goes_out_and_comes_in_again_without_a_change(
    product: Product, event_id: str, organizer: httpx.Client, name: str
) -> None:
    file = (REAL / name).read_bytes()
    first = post(organizer, event_id, file)
    size = len(read(file, timezone="Europe/Brussels").items)
    assert counts(first) == (size, 0, 0, 0)
    with nothing_recorded(product):
        for again in (file, exported(organizer, event_id)):
            said = post(organizer, event_id, again, params={"source": first["source"]})
            assert said.items() >= (NOTHING | {"unchanged": size}).items()


@real
def test_archive_of_several_revisions_is_refused_with_their_names(
    product: Product, event_id: str, organizer: httpx.Client
) -> None:
    file = (REAL / "fosdem-2025-revisions.tar.xz").read_bytes()
    with nothing_recorded(product):
        answer = organizer.post(at(event_id, "/schedule"), content=file)
    assert "holds 5 files, of which one is wanted" in problem(answer, 400)["errors"][0]["message"]
