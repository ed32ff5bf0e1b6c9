from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import On
from domain.attendees import Attendee, Profile
from domain.blocks import Blocks
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound, Refused, TooMany
from domain.inbox import Inbox, MessageArrived
from domain.messages import (
    AN_HOUR,
    MESSAGES,
    MOST,
    UNANSWERED,
    Messages,
    MessagesErased,
    SendMessage,
    ThreadMessageSent,
    erase,
)
from tests.harness.capability import START
from tests.harness.rules import Given, given

LISTED, HIDDEN = (Attendee(Profile("A name", visibility=v)) for v in ("listed", "hidden"))
HEARD = Inbox(unread={"ben": ()})
NOBODY = Blocks()
messages = given(
    MESSAGES,
    conference=Conference(ConferenceAnnounced("A conference", "UTC")),
    target=LISTED,
    author=LISTED,
    blocks=NOBODY,
    blocks_of_target=NOBODY,
    inbox=Inbox(),
)
SEND = SendMessage(
    event_id="evt_1",
    member_id="ada",
    target_member_id="ben",
    message_id="m1",
    text="Shall we meet?",
    at=START,
)
SENT = ThreadMessageSent("m1", "ben", "Shall we meet?")


def outcome(command: SendMessage) -> tuple[Any, ...]:
    to = command.target_member_id
    return (
        On(f"inbox:evt_1:{to}", MessageArrived("ada", command.message_id)),
        ThreadMessageSent(command.message_id, to, command.text),
    )


def to_many(how_many: int, seconds: float = 0) -> Given:
    """Messages to as many people, a second apart."""
    past = (ThreadMessageSent(f"m_{i}", f"usr_{i}", f"Hello {i}") for i in range(how_many))
    return messages.given(*past)


def test_message_is_recorded_with_its_arrival_once() -> None:
    messages.when(SEND).then(*outcome(SEND)).when(SEND).then()


def test_same_words_to_the_same_person_within_a_minute_are_the_same_message() -> None:
    sent = messages.given(SENT)  # a second after START
    again = replace(SEND, message_id="m2", at=START + timedelta(seconds=60))
    sent.when(again).then()
    same = sent.state.same(again)
    assert same is not None
    assert same.message_id == "m1"
    for other in (
        replace(again, text="Shall we?"),
        replace(again, target_member_id="cleo"),
        replace(again, is_meant=True),
        replace(again, at=START + timedelta(seconds=61)),
    ):
        sent.when(other).then(*outcome(other))


@pytest.mark.parametrize(
    "others",
    [
        {"target": HIDDEN},
        {"target": Attendee()},
        {"blocks": Blocks(frozenset({"ben"}))},
        {"blocks_of_target": Blocks(frozenset({"ada"}))},
    ],
)
def test_whoever_is_not_seen_cannot_be_written_to_and_nothing_tells_why(others: Any) -> None:
    messages.given(**others).when(SEND).then(NotFound("There is no attendee ben to meet here."))


def test_nobody_writes_to_themselves_nor_where_nobody_could_answer() -> None:
    to_oneself = replace(SEND, target_member_id="ada")
    messages.when(to_oneself).then(NotFound("There is no attendee ada to meet here."))
    for author in (HIDDEN, Attendee()):
        messages.given(author=author).when(SEND).then(Refused)


def test_messages_an_hour_are_bounded_and_the_wait_is_told() -> None:
    full = to_many(AN_HOUR).given(
        inbox=Inbox(unread={f"usr_{i}": () for i in range(99)} | {"ben": ()})
    )
    refused = full.when(replace(SEND, at=START + timedelta(minutes=10)))
    refused.then(TooMany("60 messages an hour are the most: wait a while."))
    assert isinstance(refused.outcome, TooMany)
    assert refused.outcome.retry_after == 50 * 60 + 1
    later = replace(SEND, at=START + timedelta(seconds=3601))
    full.when(later).then(*outcome(later))


def test_fewer_go_to_people_who_have_never_answered() -> None:
    cold = to_many(UNANSWERED)
    words = "20 messages an hour to people who have not answered yet are the most: wait a while."
    cold.when(SEND).then(TooMany(words))
    cold.given(inbox=HEARD).when(SEND).then(*outcome(SEND))
    answered = cold.given(inbox=Inbox(unread={"usr_7": ()}))
    answered.when(SEND).then(*outcome(SEND))


def test_messages_of_a_member_are_bounded() -> None:
    full = given(
        MESSAGES, state=Messages({f"m_{i}": "ben" for i in range(MOST)}), **messages.others
    )
    full.when(SEND).then(Refused("These are 5,000 messages already, and no more can be sent here."))


@tried_on(st.lists(st.sampled_from(["ben", "cleo"]), max_size=6))
def test_erased_messages_are_named_once_by_whom_they_were_sent_to(to: list[str]) -> None:
    sent = messages.given(*(ThreadMessageSent(f"m_{i}", who, "Hi") for i, who in enumerate(to)))
    erased = erase(sent.state, "ada")
    assert {m for event in erased for m in event.message_ids} == {f"m_{i}" for i in range(len(to))}
    assert all(to[int(m[2:])] == event.to_member_id for event in erased for m in event.message_ids)
    assert erase(sent.given(*erased).state, "ada") == ()


def test_after_an_erasure_the_same_words_are_new() -> None:
    forgotten = messages.given(SENT, MessagesErased("ben", ("m1",)))
    again = replace(SEND, message_id="m2")
    forgotten.when(again).then(*outcome(again))
