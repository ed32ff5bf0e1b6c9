"""The unread counts, threads and messages that members are shown, against a model of lists."""

from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.messages import MessagesErased, ThreadMessageSent
from projections.messages.questions import (
    EXCERPT,
    LATEST,
    OTHERS,
    OWN_THREADS,
    THREAD,
    OthersAsk,
    ThreadAsk,
    ThreadsAsk,
    excerpt,
)
from projections.messages.rows import THREADS_OF_MEMBERS
from projections.question import Own
from projections.read_model import folded
from tests.harness import attendees, blocks, messages
from tests.harness.capability import START
from tests.harness.play import Play, opening
from tests.harness.values import EVENT, MEMBERS, members

some = st.one_of(
    messages.sent(EVENT),
    messages.sent(EVENT),
    messages.read(EVENT),
    blocks.commands(EVENT),
    attendees.commands(EVENT),
)


@st.composite
def plays(draw: Any) -> Play:
    play = Play()
    for command in draw(opening(EVENT)):
        play.send(command)
    for number, command in enumerate(draw(st.lists(some, max_size=30))):
        if isinstance(command, messages.SendMessage):
            command = replace(command, message_id=f"m{number}", is_meant=True, at=START)
        play.send(command)
    return play


def answer(play: Play, question: Own[Any, Any], ask: Any) -> Any:
    """From the streams that the question names."""
    own = question.streams(ask)
    rows = folded(THREADS_OF_MEMBERS, [r for r in play.log if r.stream in own])
    return question.answer(ask, {table: [*of_table.values()] for table, of_table in rows.items()})


@given(plays(), members)
def test_threads_and_unread_counts_are_those_of_the_model(play: Play, me: str) -> None:
    written = [
        (r.position, r.member[1], r.event.to_member_id, r.event.text)
        for r in play.log
        if isinstance(r.event, ThreadMessageSent)
    ]
    threads = answer(play, OWN_THREADS, ThreadsAsk(EVENT, me, 100))
    with_each: dict[str, list[Any]] = defaultdict(list)
    for position, author, to, text in written:
        if me in (author, to):
            with_each[to if author == me else author].append((position, author, text))
    latest_first = sorted(with_each, key=lambda other: with_each[other][-1][0], reverse=True)
    assert [t.other_id for t in threads.page.rows] == latest_first
    unread = {who: len(ids) for who, ids in play.state(f"inbox:{EVENT}:{me}").unread.items() if ids}
    assert {t.other_id: t.unread for t in threads.page.rows if t.unread} == unread
    assert sum(t.unread for t in threads.unread) == sum(unread.values())
    for other, said in with_each.items():
        thread = answer(play, THREAD, ThreadAsk(EVENT, me, other, 100))
        assert [(m.member_id, m.text) for m in reversed(thread.page.rows)] == [
            (author, text) for _, author, text in said
        ]
        assert thread.unread == unread.get(other, 0)


@given(plays(), members)
def test_others_are_shown_where_each_sees_the_other(play: Play, me: str) -> None:
    others = [other for other in MEMBERS if other != me]
    shown = answer(play, OTHERS, OthersAsk(EVENT, me, ",".join(others)))
    for other in others:
        there = all(play.state(f"attendee:{EVENT}:{who}").listed for who in (me, other))
        apart = (
            other in play.state(f"blocks:{EVENT}:{me}").members
            or me in play.state(f"blocks:{EVENT}:{other}").members
        )
        assert shown[other].shown == (there and not apart)
        assert bool(shown[other].name) == shown[other].shown


@given(plays(), members, st.sampled_from(MEMBERS), st.integers(1, 3))
def test_pages_one_after_another_are_the_whole(play: Play, me: str, other: str, size: int) -> None:
    whole = answer(play, THREAD, ThreadAsk(EVENT, me, other, 100)).page.rows
    before, pages = LATEST, list[Any]()
    while before:
        page = answer(play, THREAD, ThreadAsk(EVENT, me, other, size, before)).page
        pages += page.rows
        assert len(page.rows) == size or page.before is None
        before = page.before or 0
    assert pages == [*whole]


@given(plays(), members)
def test_erased_author_leaves_threads_without_words(play: Play, author: str) -> None:
    name = f"messages:{EVENT}:{author}"
    for event in messages.MESSAGES.erase(play.state(name), author):  # type: ignore[misc]
        assert isinstance(event, MessagesErased)
        play.record(name, event)
    for table, of_table in folded(THREADS_OF_MEMBERS, play.log).items():
        for row in of_table.values():
            if table.name == "thread_messages" and row.member_id == author:
                assert (row.text, row.erased) == ("Erased", True)


@given(st.text(max_size=400))
def test_excerpt_is_the_beginning_on_one_line(text: str) -> None:
    shown = excerpt(text)
    assert len(shown) <= EXCERPT
    assert len(shown.splitlines()) <= 1
    assert " ".join(text.split()).startswith(shown.rstrip("…"))
