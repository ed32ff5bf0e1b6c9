"""The client's logic without a page: which news counts, and what a click shows meanwhile."""

from typing import Any

from playwright.sync_api import Page

RUN = """
async ([actions]) => {
  const { EMPTY, reduce, view } = await import('/web/board-state.js');
  const seen = [];
  let state = EMPTY;
  for (const action of actions) {
    state = reduce(state, action);
    const { missions, progress } = view(state);
    seen.push([progress.points_earned, missions.map((m) => m.status).join(' ')]);
  }
  return seen;
}
"""


def mission(name: str, points: int, status: str = "not_started", *requires: str) -> dict[str, Any]:
    earned = points if status == "completed" else 0
    return {
        "id": name,
        "title": name,
        "points": points,
        "status": status,
        "points_earned": earned,
        "requires": requires,
    }


def progress(points: int, completed: int) -> dict[str, int]:
    return {"points_earned": points, "missions_completed": completed}


def loaded(position: int, points: int, *missions: dict[str, Any]) -> dict[str, Any]:
    done = sum(m["status"] == "completed" for m in missions)
    return {
        "type": "loaded",
        "missions": missions,
        "progress": progress(points, done),
        "position": position,
    }


def told(
    kind: str,
    position: int,
    name: str,
    status: str,
    earned: int,
    points: int,
    done: int,
    **more: str,
) -> dict[str, Any]:
    return {
        "type": kind,
        "mission": {"id": name, "status": status, "points_earned": earned},
        "progress": progress(points, done),
        "position": position,
        **more,
    }


def wanted(key: str, name: str, status: str) -> dict[str, Any]:
    return {"type": "intended", "intent": {"key": key, "missionId": name, "status": status}}


def seen(page: Page, *actions: dict[str, Any]) -> list[list[Any]]:
    result: list[list[Any]] = page.evaluate(RUN, [actions])
    return result


def test_older_news_never_overwrites_newer(modules: Page) -> None:
    assert seen(
        modules,
        loaded(10, 0, mission("a", 5)),
        told("heard", 12, "a", "completed", 5, 5, 1),
        told("heard", 11, "a", "in_progress", 0, 0, 0),
        told("heard", 12, "a", "completed", 5, 5, 1),
        loaded(9, 0, mission("a", 5)),
        loaded(11, 0, mission("a", 5, "in_progress")),
        loaded(13, 0, mission("a", 5)),
    ) == [
        [0, "not_started"],
        [5, "completed"],
        [5, "completed"],
        [5, "completed"],
        [5, "completed"],
        [5, "completed"],
        [0, "not_started"],
    ]


def test_taken_back_click_leaves_what_came_meanwhile(modules: Page) -> None:
    assert seen(
        modules,
        loaded(10, 0, mission("a", 5), mission("b", 7)),
        wanted("k", "a", "completed"),
        told("heard", 11, "b", "completed", 7, 7, 1),
        {"type": "dropped", "keys": ["k"]},
    ) == [
        [0, "not_started not_started"],
        [5, "completed not_started"],
        [12, "completed completed"],
        [7, "not_started completed"],
    ]


def test_reply_that_counts_another_click_is_not_added_twice(modules: Page) -> None:
    """Both clicks were recorded; the reply to the second comes first and counts them both."""
    shown = seen(
        modules,
        loaded(10, 0, mission("a", 5), mission("b", 7)),
        wanted("k", "a", "completed"),
        wanted("l", "b", "completed"),
        told("confirmed", 12, "b", "completed", 7, 12, 2, key="l"),
        told("confirmed", 11, "a", "completed", 5, 5, 1, key="k"),
    )
    assert [points for points, _ in shown] == [0, 5, 12, 12, 12]


def test_points_of_missions_no_longer_listed_still_count(modules: Page) -> None:
    shown = seen(modules, loaded(10, 30, mission("a", 5)), wanted("k", "a", "completed"))
    assert [points for points, _ in shown] == [30, 35]


def test_unlocking_waits_for_the_server_and_locking_does_not(modules: Page) -> None:
    assert seen(
        modules,
        loaded(10, 0, mission("a", 5), mission("b", 7, "locked", "a")),
        wanted("k", "a", "completed"),
        told("confirmed", 11, "a", "completed", 5, 5, 1, key="k"),
        wanted("l", "a", "not_started"),
    ) == [
        [0, "not_started locked"],
        [5, "completed locked"],
        [5, "completed not_started"],
        [0, "not_started locked"],
    ]


def test_unlisted_requirement_keeps_a_mission_locked(modules: Page) -> None:
    assert seen(modules, loaded(10, 0, mission("b", 7, "locked", "gone"))) == [[0, "locked"]]


def test_sentences_name_every_cause(modules: Page) -> None:
    sentences = modules.evaluate(
        """async () => {
          const { ledgerSentence } = await import('/web/wording.js');
          const titles = new Map([['m', 'Meet']]);
          const say = (cause, points) => ledgerSentence({ cause, points, mission_id: 'm' }, titles);
          const known = ['member', 'profiles_viewed', 'message_sent', 'sync_created'];
          const others = [['reopened', -5], ['reset', -5], ['constructor', 5], ['new', -5]];
          return [...known.map((cause) => say(cause, 5)), ...others.map(([c, p]) => say(c, p))];
        }"""
    )
    assert sentences == [
        "You completed “Meet”.",
        "You looked into attendees\u2019 profiles, which completed “Meet”.",
        "You wrote to an attendee, which completed “Meet”.",
        "You arranged to meet an attendee, which completed “Meet”.",
        "You reopened “Meet”, so its points went back.",
        "You reset “Meet”, so its points went back.",
        "“Meet” was completed.",
        "The points for “Meet” went back.",
    ]


BANNER = """
async ([progress, missions]) => {
  await import('/web/progress-banner.js');
  const banner = document.body.appendChild(document.createElement('progress-banner'));
  banner.show(progress, missions);
  const bar = banner.querySelector('[role=progressbar]');
  return {
    now: bar.ariaValueNow,
    most: bar.ariaValueMax,
    segments: [...bar.children].map((s) => [s.dataset.status, s.style.flexGrow]),
  };
}
"""


def test_banner_is_full_at_most_where_the_catalogue_shrank(modules: Page) -> None:
    """Points stay, also where there are more than can be earned now."""
    there_is = {"missions_total": 1, "points_total": 1}
    earned = {**progress(15, 2), **there_is}
    left = {**mission("left", 1, "completed"), "points_earned": 10}
    assert modules.evaluate(BANNER, [earned, [left]]) == {
        "now": "15",
        "most": "15",
        "segments": [["completed", "5"], ["completed", "10"]],
    }


RESUMING = """
async ([ids, refusals]) => {
  const opened = [], heard = [], timers = [];
  class Source {
    static OPEN = 1;
    static CLOSED = 2;
    constructor(url) {
      this.url = url;
      this.listeners = {};
      opened.push(this);
    }
    addEventListener(type, listener) { this.listeners[type] = listener; }
    close() {}
  }
  globalThis.EventSource = Source;
  globalThis.setTimeout = (run) => timers.push(run);
  const { Feed } = await import('/web/feed.js');
  const nothing = () => {};
  const told = { heard: (type, data, position) => heard.push(position) };
  const others = { state: nothing, resumed: nothing, refused: nothing };
  const feed = new Feed('/stream', 7, { ...told, ...others });
  feed.open();
  for (const lastEventId of ids) opened[0].listeners.MISSION_UPDATED({ lastEventId, data: '{}' });
  for (let i = 0; i < refusals; i += 1) {
    Object.assign(opened.at(-1), { readyState: Source.CLOSED });
    opened.at(-1).onerror();
    timers.pop()();
  }
  return [heard, opened.map(({ url }) => url)];
}
"""


def test_feed_resumes_by_the_last_id_and_every_other_time_by_a_number_alone(modules: Page) -> None:
    """A server of the version before takes nothing but a number."""
    long = "100-live_sessions.60-live_missions.100"
    late = "100-live_sessions.61"
    heard, urls = modules.evaluate(RESUMING, [["99", long, late, "x"], 3])
    assert heard == [99, 100, 61, None]
    by = "/stream?last_event_id="
    assert urls == [f"{by}7", f"{by}61", f"{by}{late}", f"{by}61"]
    _, urls = modules.evaluate(RESUMING, [["99"], 2])
    assert urls == [f"{by}7", f"{by}99", f"{by}99"]


def test_time_counts_while_the_page_is_seen_and_for_half_a_minute_after_a_move(
    modules: Page,
) -> None:
    """Moments in seconds: s(how), h(ide), m(ove), t(ake)."""
    taken = modules.evaluate(
        """async told => {
          const { VisibleTime } = await import('/web/visible-time.js');
          let at = 0;
          const time = new VisibleTime({ visible: true, now: () => at });
          const taken = [];
          for (const [moment, what] of told) {
            at = moment * 1000;
            if (what === 's' || what === 'h') time.show(what === 's');
            if (what === 'm') time.act();
            if (what === 't') taken.push(time.take() / 1000);
          }
          return taken;
        }""",
        [
            *([5, "t"], [10, "h"], [500, "t"], [600, "s"], [610, "m"], [700, "t"]),
            *([800, "m"], [801, "t"], [802, "h"], [803, "s"], [900, "t"], [900, "t"]),
        ],
    )
    assert taken == [5, 5, 40, 1, 31, 0]
