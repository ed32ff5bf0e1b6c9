"""The agenda as schedule.json, call by call."""

import httpx
import msgspec
import pytest

from workers.schedules import read


def at(event_id: str, path: str) -> str:
    return f"/api/events/{event_id}{path}"


def exported(client: httpx.Client, event_id: str) -> bytes:
    answer = client.get(at(event_id, "/schedule.json"))
    assert answer.status_code == 200, answer.text
    return answer.content


def test_export_is_frab_json_with_what_is_known_of_each_item(
    event_id: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    speaker = {"name": "Grace", "email": "grace@example.org", "focus_areas": ["ai"]}
    organizer.put(at(event_id, "/speakers/p1"), json=speaker).raise_for_status()
    item = {
        "title": "Late",
        "start_time": "2026-02-01T23:30:00+01:00",
        "end_time": "2026-02-02T01:00:15+01:00",
        "description": "1 < 2 & more",
        "location": "K.1",
        "speaker_ids": ["p1", "unknown"],
    }
    organizer.put(at(event_id, "/agenda/late"), json=item).raise_for_status()
    conference = msgspec.json.decode(exported(organizer, event_id))["schedule"]["conference"]
    (day,) = conference.pop("days")
    (said,) = day["rooms"]["K.1"]
    (person,) = said.pop("persons")
    assert conference == {
        "acronym": event_id,
        "title": "A conference",
        "start": "2026-02-01",
        "end": "2026-02-01",
        "daysCount": 1,
        "timeslot_duration": "00:05",
        "time_zone_name": "Europe/Brussels",
    }
    assert day["day_end"] == "2026-02-02T01:00:15+01:00"
    assert (said["guid"], said["date"]) == ("late", "2026-02-01T23:30:00+01:00")
    assert (said["start"], said["duration"]) == ("23:30", "01:30")
    assert said["end_time"] == "2026-02-02T00:00:15Z"
    assert said["description"] == "1 &lt; 2 &amp; more"
    assert person["email"] == "grace@example.org"
    assert b"grace@example.org" not in exported(ada, event_id)
    found = read(exported(organizer, event_id))
    assert found.items[0].description == "1 < 2 & more"
    assert found.speakers[0].focus_areas == ("ai",)
    again = organizer.post(at(event_id, "/schedule"), content=exported(organizer, event_id))
    assert again.json() == {
        "event_id": event_id,
        "source": event_id,
        **dict.fromkeys(("added", "changed", "cancelled", "speakers"), 0),
        "unchanged": 1,
        "kept_though_dropped": 0,
        "kept_by_hand": 1,  # the speaker that nobody knows is in no file
        "odd": [],
    }


@pytest.mark.parametrize("name", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_export_of_the_edges_of_the_calendar_is_answered(
    event_id: str, organizer: httpx.Client, name: str
) -> None:
    item = {"title": "x", "start_time": name, "end_time": name}
    organizer.put(at(event_id, "/agenda/edge"), json=item).raise_for_status()
    assert read(exported(organizer, event_id)).items[0].id == "edge"
    assert organizer.get(at(event_id, "/schedule.ics")).status_code == 200


def test_export_of_an_empty_agenda_is_answered(event_id: str, ada: httpx.Client) -> None:
    schedule = msgspec.json.decode(exported(ada, event_id))["schedule"]
    assert (schedule["conference"]["days"], schedule["version"]) == ([], "")
