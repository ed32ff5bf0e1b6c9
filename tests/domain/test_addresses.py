from datetime import UTC, datetime

from hypothesis import given as tried_on
from msgspec.structs import asdict, replace

from domain.addresses import (
    ADDRESSES,
    FORGOTTEN,
    NAMELESS,
    AddressErased,
    AddressSaved,
    ImportAttendee,
    Said,
    erase,
)
from domain.aggregate import On
from domain.attendees import (
    Attendee,
    AttendeeProfileChanged,
    AttendeeRegistered,
    Profile,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound, Refused
from tests.harness.addresses import SAID
from tests.harness.attendees import PROFILES
from tests.harness.rules import given

THEIRS, NOW = "attendee:evt_1:ada", datetime(2026, 11, 1, tzinfo=UTC)
CONFERENCE = Conference(ConferenceAnnounced("A conference", "UTC"))
nobody = given(ADDRESSES, conference=CONFERENCE, attendee=Attendee())
ada = nobody.given(attendee=Attendee(Profile("Ada", company="Engines")))


def row(email: str | None = None, **said: object) -> ImportAttendee:
    return ImportAttendee(event_id="evt_1", member_id="ada", email=email, said=Said(**said))  # type: ignore[arg-type]


def test_row_registers_who_is_not_known_if_it_has_a_name() -> None:
    registered = On(THEIRS, AttendeeRegistered(Profile("Ada")))
    nobody.when(row("a@b.c", name="Ada")).then(AddressSaved("a@b.c"), registered)
    nobody.when(row("a@b.c", company="Engines")).then(Refused(NAMELESS))


@tried_on(PROFILES, SAID)
def test_profile_changes_in_what_the_row_says_alone(before: Profile, said: Said) -> None:
    outcome = nobody.given(attendee=Attendee(before)).when(row(**said.values())).outcome
    after = replace(before, **said.values())
    assert outcome == ((On(THEIRS, AttendeeProfileChanged(after)),) if after != before else ())
    kept = {name for name, value in asdict(said).items() if value is None}
    assert {name: getattr(after, name) for name in kept} == {n: getattr(before, n) for n in kept}


def test_address_is_saved_once_and_stays_where_a_row_has_none() -> None:
    known = ada.when(row("a@b.c")).then(AddressSaved("a@b.c")).when(row("a@b.c")).then()
    known.when(row(company="Engines")).then()
    known.when(row("ada@b.c")).then(AddressSaved("ada@b.c"))


def test_who_was_erased_comes_back_by_hand_alone() -> None:
    (erased,) = erase(ada.given(AddressSaved("a@b.c")).state, "ada")
    assert erased == AddressErased()
    forgotten = nobody.given(AddressSaved("a@b.c"), AddressErased())
    forgotten.when(row("a@b.c", name="Ada")).then(Refused(FORGOTTEN))
    by_hand = forgotten.given(attendee=Attendee(Profile("Ada")))
    by_hand.when(row("a@b.c")).then(AddressSaved("a@b.c"))
    assert erase(forgotten.state, "ada") == ()


def test_event_that_is_not_there_is_404() -> None:
    nowhere = nobody.given(conference=Conference())
    nowhere.when(row(name="Ada")).then(NotFound("There is no event evt_1."))
