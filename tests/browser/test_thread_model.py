"""The logic of an open thread without a page: whatever comes in whatever order, what is shown is an
unbroken end of what was said, each once, and then what is on its way."""

from random import Random
from typing import Any

from playwright.sync_api import Page

PAGE = 4
STEPS = ("they write", "ask", "renew", "earlier", "I write", "confirm", "fail", "again", "late")

RUN = """
async ([stories, size]) => {
  const model = await import('/web/thread-model.js');
  const ben = { with: 'ben', name: 'Ben', headline: '', company: '', erased: false, unread: 0 };

  function play(steps) {
    const said = [];
    const page = (end = Infinity) => {
      const all = said.filter((one) => one.position < end);
      const messages = all.slice(-size);
      const before = all.length > size ? messages[0].position : null;
      return { data: { ...ben, messages, before } };
    };
    const record = (from, text) => {
      const position = said.length + 1;
      said.push({ message_id: `m${position}`, position, from, text, at: '', erased: false });
      return said.at(-1);
    };
    const late = [page()]; // a read may have left long before it is answered
    let thread = model.opened(page());
    let keys = 0;
    let end = 0;

    function act(step) {
      const waiting = thread.pending.find((one) => one.state === 'sending');
      const refused = thread.pending.find((one) => one.state === 'failed');
      if (step === 'they write') record('ben', 'They');
      if (step === 'ask') late.push(page());
      if (step === 'renew') thread = model.renewed(thread, late.at(-1));
      if (step === 'late') thread = model.renewed(thread, late.at(-2) ?? late.at(-1));
      if (step === 'earlier' && thread.before) {
        thread = model.withEarlier(thread, page(thread.before));
      }
      if (step === 'I write') {
        keys += 1;
        thread = model.intended(thread, { key: `k${keys}`, text: 'I', at: '' });
      }
      if (step === 'confirm' && waiting) {
        const message = record('ada', waiting.text);
        thread = model.confirmed(thread, waiting.key, message, message.position);
      }
      if (step === 'fail' && waiting) thread = model.failed(thread, waiting.key, {});
      if (step === 'again' && refused) thread = model.again(thread, refused.key);
    }

    function isRight() {
      const known = thread.messages.map((one) => one.position);
      const shown = model.shown(thread, 'ada').map((one) => one.messageId ?? one.id);
      const first = known[0] ?? 1;
      const before = end;
      end = known.at(-1) ?? 0;
      return (
        end >= before &&
        known.every((position, i) => position === first + i) &&
        new Set(shown).size === shown.length &&
        (thread.before === null ? first === 1 : thread.before === first)
      );
    }

    const wrong = steps.filter((step) => act(step) || !isRight());
    thread = model.renewed(thread, page());
    const isWhole = (thread.messages.at(-1)?.position ?? 0) === said.length;
    const isRead = !thread.pending.some((one) => one.state === 'sent');
    return isWhole && isRead ? wrong : [...wrong, 'the end'];
  }
  return stories.flatMap(play);
}
"""


def stories() -> list[list[str]]:
    """The same on every run."""
    chance = Random(7)  # noqa: S311 - no secret
    return [chance.choices(STEPS, k=chance.randint(1, 40)) for _ in range(300)]


def test_what_is_shown_is_an_unbroken_end_of_what_was_said_each_once(modules: Page) -> None:
    assert modules.evaluate(RUN, [stories(), PAGE]) == []


INITIALS: dict[str, Any] = {
    "Ada King": "AK",
    "zoë ada moreau": "ZM",
    "Plato": "P",
    "  ": "",
    "👩‍👩‍👧‍👦 Family": "👩‍👩‍👧‍👦F",
    "陶 明": "陶明",
}


def test_initials_are_of_the_first_name_and_the_last(modules: Page) -> None:
    found = modules.evaluate(
        "async (names) => { const { initials } = await import('/web/thread-model.js');"
        " return names.map(initials); }",
        list(INITIALS),
    )
    assert dict(zip(INITIALS, found, strict=True)) == INITIALS
