from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound
from domain.rosters import (
    NOBODY,
    OPEN,
    ROSTER,
    AttendeeImportBegun,
    AttendeeImportEnded,
    BeginAttendeeImport,
    EndAttendeeImport,
    OpenRoster,
    RosterOpened,
    erase,
)
from tests.harness.rules import given
from workers.attendees.cells import MEMBER_ID

roster = given(ROSTER, conference=Conference(ConferenceAnnounced("A conference", "UTC")))
BEGUN = AttendeeImportBegun("imp_1", "digest", 7)
ENDED = AttendeeImportEnded("imp_1", 3, 3, 1, 1, 1)
END = EndAttendeeImport(event_id="evt_1", ended=ENDED)


def begin(import_id: str, digest: str = "digest") -> BeginAttendeeImport:
    return BeginAttendeeImport(event_id="evt_1", import_id=import_id, digest=digest, after=7)


def test_first_salt_stays() -> None:
    opened = roster.when(OpenRoster(event_id="evt_1", salt="aa")).then(RosterOpened("aa"))
    opened.when(OpenRoster(event_id="evt_1", salt="bb")).then()
    assert erase(opened.state, NOBODY) == ()


def test_salt_is_sealed_with_the_key_of_nobody_who_could_be_erased() -> None:
    assert not MEMBER_ID.fullmatch(NOBODY)


def test_import_that_is_open_is_gone_on_with_and_one_that_ended_begins_anew() -> None:
    opened = roster.when(begin("imp_1")).then(BEGUN).when(begin("imp_2")).then()
    assert opened.state.open("digest") == BEGUN
    ended = opened.when(END).then(ENDED).when(END).then()
    ended.when(begin("imp_2")).then(AttendeeImportBegun("imp_2", "digest", 7))


def test_imports_that_never_ended_are_bounded() -> None:
    many = [AttendeeImportBegun(f"imp_{n}", f"digest_{n}", n) for n in range(OPEN + 1)]
    state = roster.given(*many).state
    assert (len(state.imports), state.open("digest_0")) == (OPEN, None)


def test_event_that_is_not_there_is_404() -> None:
    nowhere = roster.given(conference=Conference())
    nowhere.when(begin("imp_1")).then(NotFound("There is no event evt_1."))
