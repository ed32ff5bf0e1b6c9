"""The logic of the syncs page without a page: what may be picked, and what an answer shows."""

from typing import Any

from playwright.sync_api import Page

RUN = """
async ([minutes]) => {
  const { steps, toggled, dayAfter } = await import('/web/day-model.js');
  const at = (clock) => `2026-11-01T${clock}:00Z`;
  const day = {
    start: at('00:00'), end: at('23:59'),
    yours: [
      { start: at('10:00'), end: at('10:30'), kind: 'sync', title: '' },
      { start: at('12:00'), end: at('12:30'), kind: 'session', title: 'On bees' },
    ],
    theirs: [{ start: at('11:00'), end: at('11:30') }],
  };
  const hour = (start) => new Date(start).getUTCHours();
  const found = steps(day, minutes, Date.parse(at('09:00')), hour);
  const clock = (start) => new Date(start).toISOString().slice(11, 16);
  const named = found.map(({ start, state }) => [clock(start), state]);
  const picked = [1, 2, 3, 4].reduce(toggled, []);
  const days = [dayAfter('2026-02-28', 1), dayAfter('2026-03-01', -1)];
  return { named, picked, less: toggled(picked, 2), days };
}
"""

VIEW = """
async ([syncs, answers, now]) => {
  const { view, onBoard } = await import('/web/sync-model.js');
  const lists = view(syncs, answers, 'ada', now);
  const named = (all) => all.map((sync) => sync.sync_id);
  const ids = Object.fromEntries(Object.entries(lists).map(([kind, all]) => [kind, named(all)]));
  const board = ['now', 'next_60'].map((window) => named(onBoard(syncs, window, now)));
  return { ids, board };
}
"""
NOON = 1_793_534_400_000  # 2026-11-01T12:00:00Z, in milliseconds


def states(page: Page, minutes: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for clock, state in page.evaluate(RUN, [minutes])["named"]:
        found.setdefault(state, []).append(clock)
    return found


def test_step_is_taken_where_a_sync_that_begins_there_would_overlap(modules: Page) -> None:
    half = states(modules, 30)
    assert half["yours"] == ["09:45", "10:00", "10:15"]
    assert half["theirs"] == ["10:45", "11:00", "11:15"]
    assert half["starred"] == ["11:45", "12:00", "12:15"]
    assert half["past"] == ["08:00", "08:15", "08:30", "08:45", "09:00"]
    assert states(modules, 60)["yours"][0] == "09:15"
    assert (half["free"][0], half["free"][-1]) == ("09:15", "19:45")


def test_three_are_picked_at_most_and_taken_back(modules: Page) -> None:
    found = modules.evaluate(RUN, [30])
    assert (found["picked"], found["less"]) == ([1, 2, 3], [1, 3])
    assert found["days"] == ["2026-03-01", "2026-02-28"]


def sync(id_: str, by: str, status: str, start: str | None = None) -> dict[str, Any]:
    ends = {"expires_at": "2026-11-01T12:30:00Z", "minutes": 30, "start": start}
    return {"sync_id": id_, "from": by, "status": status, **ends}


def test_answers_on_their_way_are_shown_and_requests_expire_by_themselves(modules: Page) -> None:
    syncs = [
        sync("asked", "ben", "requested"),
        sync("mine", "ada", "requested"),
        sync("on", "ben", "accepted", "2026-11-01T11:45:00Z"),
        sync("soon", "ben", "accepted", "2026-11-01T12:30:00Z"),
        sync("over", "ben", "accepted", "2026-11-01T11:30:00Z"),
    ]
    found = modules.evaluate(VIEW, [syncs, [], NOON])
    assert found["ids"] == {
        "asked": ["asked"],
        "mine": ["mine"],
        "agreed": ["on", "soon"],
        "over": ["over"],
    }
    assert found["board"] == [["on"], ["soon"]]
    accepted = [{"syncId": "asked", "status": "accepted", "start": "2026-11-01T14:00:00Z"}]
    assert modules.evaluate(VIEW, [syncs, accepted, NOON])["ids"]["agreed"][-1] == "asked"
    later = modules.evaluate(VIEW, [syncs, [], NOON + 1_800_000])["ids"]
    assert (later["asked"], later["mine"]) == ([], [])
