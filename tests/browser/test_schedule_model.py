"""The logic of the schedule page without a page: grid, conflicts, days, colours."""

from datetime import UTC, datetime
from itertools import combinations
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Page

from api.pages import FILES

MINUTE = 60_000
START = 1_777_881_600_000  # 2026-05-04, 10:00 in Vienna


def session(number: int, start: int, minutes: int, room: str = "Hall", **more: Any) -> Any:
    return {
        "session_id": f"s{number}",
        "session_title": f"Talk {number}",
        "speaker_name": None,
        "session_time": f"{iso(START + start * MINUTE)}",
        "session_end": f"{iso(START + (start + minutes) * MINUTE)}",
        "session_location": room,
        "session_description": "",
        "track": "",
        "focus_areas": [],
        "status": "scheduled",
    } | more


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def programmes() -> list[list[Any]]:
    """Crowded ones, the same on every run."""
    chance = Random(3)  # noqa: S311 - no secret
    return [
        [
            session(i, 5 * chance.randrange(60), chance.choice((0, 5, 20, 50, 90)), room)
            for i, room in enumerate(chance.choices(("Hall", "Loft", ""), k=chance.randint(1, 25)))
        ]
        for _ in range(60)
    ]


LAYOUT = """
async (programmes) => {
  const { layout } = await import('/web/agenda-model.js');
  return programmes.map((sessions) => {
    const plan = layout(sessions);
    return { ...plan, places: [...plan.places.values()] };
  });
}
"""


def test_no_two_sessions_lie_on_one_another_and_each_is_in_its_room(modules: Page) -> None:
    for plan in modules.evaluate(LAYOUT, programmes()):
        rooms = {room["name"]: room for room in plan["rooms"]}
        for place in plan["places"]:
            room = rooms[place["session"]["session_location"]]
            left, right = place["at"], place["at"] + place["span"]
            assert room["at"] <= left + 1e-9
            assert right <= room["at"] + room["span"] + 1e-9
            assert 0 <= place["from"] < place["from"] + place["for"] <= plan["minutes"]
        for one, other in combinations(plan["places"], 2):
            beside = apart(one["at"], one["span"], other["at"], other["span"])
            assert beside or apart(one["from"], one["for"], other["from"], other["for"])


def apart(one: float, length: float, other: float, other_length: float) -> bool:
    return one + length <= other + 1e-9 or other + other_length <= one + 1e-9


CONFLICTS = """
async (programmes) => {
  const { conflicts } = await import('/web/agenda-model.js');
  const isStarred = (id) => Number(id.slice(1)) % 3 > 0;
  const said = ([id, others]) => [id, others.map((other) => other.session_id)];
  const found = (sessions) => [...conflicts(sessions, isStarred)].map(said);
  return programmes.map((sessions) => Object.fromEntries(found(sessions)));
}
"""


def test_conflicts_are_mutual_and_between_stars_only(modules: Page) -> None:
    for found in modules.evaluate(CONFLICTS, programmes()):
        for one, others in found.items():
            assert int(one[1:]) % 3 > 0
            assert one not in others
            assert all(one in found[other] for other in others)


DAYS = """
async (sessions) => {
  const { days } = await import('/web/agenda-model.js');
  const ids = (held) => held.map((session) => session.session_id);
  return days(sessions, 'Europe/Vienna').map(({ day, sessions: held }) => [day, ids(held)]);
}
"""


def test_small_hours_belong_to_the_evening_before(modules: Page) -> None:
    evening = session(1, 13 * 60, 60)
    night, morning = session(2, 16 * 60 + 30, 30), session(3, 20 * 60, 30)
    assert modules.evaluate(DAYS, [morning, evening, night]) == [
        ["2026-05-04", ["s1", "s2"]],
        ["2026-05-05", ["s3"]],
    ]


PLACE = """
async (places) => {
  const { readPlace, writePlace } = await import('/web/schedule-place.js');
  return places.map((place) => readPlace(writePlace(place)));
}
"""


def test_address_keeps_the_place(modules: Page) -> None:
    nowhere = {"day": "", "view": "", "track": "", "text": "", "own": False, "session": ""}
    places = [
        nowhere,
        {**nowhere, "day": "2026-05-04", "view": "list", "own": True},
        {**nowhere, "track": "C & C++ #1", "text": "élan = +&", "session": "a.b-c"},
    ]
    assert modules.evaluate(PLACE, places) == places


COLOURS = """
() => {
  const tile = document.createElement('article');
  tile.className = 'tile';
  tile.dataset.track = '';
  tile.innerHTML = '<p class="tile-track">A track</p>';
  document.body.replaceChildren(tile);
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const luminance = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
    const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  return Array.from({ length: 120 }, (_, i) => {
    tile.style.setProperty('--hue', i * 3);
    const { backgroundColor, borderInlineStartColor } = getComputedStyle(tile);
    const text = getComputedStyle(tile.firstChild).color;
    return [contrast(text, backgroundColor), contrast(borderInlineStartColor, backgroundColor)];
  });
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_track_colour_can_be_read(modules: Page, scheme: Any) -> None:
    modules.emulate_media(color_scheme=scheme)
    for name in ("style", "sessions", "schedule"):
        modules.add_style_tag(content=FILES[f"{name}.css"].read_text())
    found = modules.evaluate(COLOURS)
    assert min(text for text, _ in found) >= 4.5
    assert min(edge for _, edge in found) >= 3
