from msgspec.structs import replace

from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound, Refused
from domain.flags import FLAGS, MOST, FlagMessage, FlagsErased, MessageFlagged, erase
from domain.inbox import Inbox
from tests.harness.rules import given

FLAG = FlagMessage(event_id="evt_1", member_id="ben", message_id="m1", reason="Rude")
FLAGGED = MessageFlagged("ben", "m1", "ada", "Rude")
flags = given(
    FLAGS,
    conference=Conference(ConferenceAnnounced("A conference", "UTC")),
    inbox=Inbox({"m1": "ada"}),
)


def test_message_is_reported_once_by_whom_it_was_sent_to() -> None:
    flags.when(FLAG).then(FLAGGED).when(replace(FLAG, reason="Very rude")).then()
    missing = NotFound("There is no message m2 here.")
    flags.when(replace(FLAG, message_id="m2")).then(missing)
    flags.given(inbox=Inbox()).when(FLAG).then(NotFound("There is no message m1 here."))
    flags.given(conference=Conference()).when(FLAG).then(NotFound("There is no event evt_1."))


def test_reports_of_a_member_are_bounded() -> None:
    full = flags.given(*(MessageFlagged("ben", f"o{i}", "ada", "Rude") for i in range(MOST)))
    full.when(FLAG).then(Refused)
    by_another = replace(FLAG, member_id="cleo")
    full.when(by_another).then(replace(FLAGGED, reporter_id="cleo"))


def test_reporter_who_is_erased_leaves_that_they_reported() -> None:
    reported = flags.given(FLAGGED, MessageFlagged("cleo", "m2", "ada", "Rude"))
    assert erase(reported.state, "ada") == ()
    assert erase(reported.state, "ben") == (FlagsErased("ben", ("m1",)),)
    forgotten = reported.given(FlagsErased("ben", ("m1",)))
    assert erase(forgotten.state, "ben") == ()
    forgotten.when(FLAG).then()
