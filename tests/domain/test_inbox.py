from hypothesis import given as tried_on
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound
from domain.inbox import INBOX, MessageArrived, ReadThread, ThreadRead
from tests.harness.rules import given

READ = ReadThread(event_id="evt_1", member_id="ada", with_member_id="ben")
inbox = given(INBOX, conference=Conference(ConferenceAnnounced("A conference", "UTC")))
three = inbox.given(*(MessageArrived("ben", f"m{i}") for i in range(3)))


def test_all_is_read_or_up_to_a_message_and_once() -> None:
    three.when(READ).then(ThreadRead("ben", "m2", 0)).when(READ).then()
    some = three.when(replace(READ, until="m1")).then(ThreadRead("ben", "m1", 1))
    some.when(replace(READ, until="m0")).then()
    some.when(READ).then(ThreadRead("ben", "m2", 0))


def test_what_never_arrived_changes_nothing() -> None:
    three.when(replace(READ, until="m9")).then()
    three.when(replace(READ, with_member_id="cleo")).then()
    given(INBOX, conference=Conference()).when(READ).then(NotFound("There is no event evt_1."))


@tried_on(
    st.lists(
        st.tuples(st.just("arrive"), st.sampled_from(["ben", "cleo"]))
        | st.tuples(st.integers(0, 3), st.sampled_from(["ben", "cleo"])),
        max_size=20,
    )
)
def test_unread_are_those_that_arrived_after_the_last_that_was_read(
    steps: list[tuple[str | int, str]],
) -> None:
    """The model is a list of each author's unread messages."""
    state, model = inbox, {"ben": list[str](), "cleo": list[str]()}
    for number, (step, who) in enumerate(steps):
        unread = model[who]
        if step == "arrive":
            state = state.given(MessageArrived(who, f"m{number}"))
            unread.append(f"m{number}")
        elif unread:
            until = unread[min(int(step), len(unread) - 1)]
            del unread[: unread.index(until) + 1]
            read = replace(READ, with_member_id=who, until=until)
            state = state.when(read).then(ThreadRead(who, until, len(unread)))
        assert {w: list(ids) for w, ids in state.state.unread.items() if ids} == {
            w: ids for w, ids in model.items() if ids
        }
