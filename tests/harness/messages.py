from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from domain.flags import FLAGS, FlagMessage, FlagsErased, MessageFlagged
from domain.inbox import INBOX, MessageArrived, ReadThread, ThreadRead
from domain.messages import MESSAGES, MessagesErased, SendMessage, ThreadMessageSent
from projections.attendees.acts import ATTENDEE_ACTS
from projections.messages.rows import LIVE_MESSAGES, THREADS_OF_MEMBERS
from tests.harness.capability import START, Capability
from tests.harness.values import members, names

ids = st.sampled_from([f"message-{n}" for n in range(5)])
some_ids = st.lists(ids, max_size=3, unique=True).map(tuple)


def of(event_id: str) -> dict[str, SearchStrategy[Any]]:
    return {"event_id": st.just(event_id), "member_id": members}


def sent(event_id: str) -> SearchStrategy[Command]:
    return st.builds(
        SendMessage,
        **of(event_id),
        target_member_id=members,
        message_id=ids,
        text=names,
        at=st.just(START),
        is_meant=st.booleans(),
    )


def read(event_id: str) -> SearchStrategy[Command]:
    return st.builds(
        ReadThread, **of(event_id), with_member_id=members, until=st.none() | st.none() | ids
    )


def flagged(event_id: str) -> SearchStrategy[Command]:
    return st.builds(FlagMessage, **of(event_id), message_id=ids, reason=names)


SENT = Capability(
    MESSAGES,
    sent,
    st.builds(ThreadMessageSent, ids, members, names)
    | st.builds(MessagesErased, members, some_ids),
    (THREADS_OF_MEMBERS, LIVE_MESSAGES, ATTENDEE_ACTS),
    often=4,
)
ARRIVED = Capability(
    INBOX,
    read,
    st.builds(MessageArrived, members, ids)
    | st.builds(ThreadRead, members, ids, st.integers(0, 3)),
    (THREADS_OF_MEMBERS, LIVE_MESSAGES),
    often=2,
)
FLAGGED = Capability(
    FLAGS,
    flagged,
    st.builds(MessageFlagged, members, ids, members, names)
    | st.builds(FlagsErased, members, some_ids),
    (THREADS_OF_MEMBERS,),
)
