"""Keys of persons, wrapped: what is in the database opens nothing."""

import asyncio
import base64
from datetime import UTC, datetime
from itertools import chain

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import Recorded
from domain.attendees import AttendeeRegistered, Profile, SaveProfile
from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Invalid, Unavailable
from domain.store import master_key
from domain.store.envelope import EnvelopeMapper, UnreadableEventError
from domain.store.master_key import KEY_SIZE, MasterKeys, parse
from domain.store.recorder import open_recorder
from sql import statements
from tests.boards import clicks, opening, recording
from tests.boards import project as follow
from tests.store import ask
from workers.operations.dumps import dump_lines

MAPPER = EnvelopeMapper(AGGREGATES, RENAMED)
KEYS = st.binary(min_size=KEY_SIZE, max_size=KEY_SIZE)
STORED = "SELECT person, number, key FROM events.person_keys WHERE key IS NOT NULL ORDER BY 1, 2"
CHECK = "SELECT check_value FROM events.master_key"


def save(name: str, member_id: str = "ada") -> SaveProfile:
    return SaveProfile(event_id="evt_1", member_id=member_id, profile=Profile(name))


# The setting
@given(KEYS)
def test_master_key_is_the_same_in_each_of_its_spellings(key: bytes) -> None:
    standard, safe = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    spelled = [standard, safe, standard.rstrip("="), key.hex(), key.hex().upper(), f" {standard} "]
    assert {parse(text).check_value for text in spelled} == {MasterKeys(key).check_value}


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=100).filter(
        lambda text: len(text) not in (43, 44, 64)
    )
    | st.binary(max_size=100).filter(lambda b: len(b) != KEY_SIZE).map(lambda b: b.hex())
    | st.just("z" * 64)
)
def test_other_text_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.detail == (
        "MASTER_KEY must be 32 random bytes, as base64 or as 64 hex digits: "
        "`openssl rand -base64 32` makes one. Change it and start again."
    )


# Wrapping
@given(KEYS, KEYS, KEYS)
def test_wrapped_key_comes_out_with_its_master_key_and_with_no_other(
    master: bytes, other: bytes, key: bytes
) -> None:
    ours, theirs = MasterKeys(master), MasterKeys(other)
    wrapped = ours.wrap(key, ours.check_value)
    assert ours.unwrap(wrapped) == key
    assert ours.unwrap(key) == key
    assert MasterKeys(other, master).unwrap(wrapped) == key
    if master != other:
        assert ours.check_value != theirs.check_value
        with pytest.raises(Unavailable):
            theirs.unwrap(wrapped)
        with pytest.raises(Unavailable):
            theirs.require(ours.check_value)


@given(KEYS, KEYS, st.integers(0, (KEY_SIZE + 8) * 8 - 1))
def test_wrapped_key_that_was_changed_is_none(master: bytes, key: bytes, bit: int) -> None:
    keys = MasterKeys(master)
    wrapped = bytearray(keys.wrap(key, keys.check_value))
    wrapped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unavailable):
        keys.unwrap(bytes(wrapped))


@given(KEYS, KEYS)
def test_version_that_cannot_unwrap_reads_nothing_and_writes_nothing(
    master: bytes, key: bytes
) -> None:
    """It takes what is stored for the key."""
    keys = MasterKeys(master)
    wrapped = keys.wrap(key, keys.check_value)
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    event = AttendeeRegistered(Profile("Ada"))
    registered = Recorded(7, "attendee:evt_1:ada", 1, event, at, "ada", "evt_1")
    with pytest.raises(ValueError, match="AESGCM key"):
        MAPPER.sealed(registered, {"ada": (1, wrapped)})
    stored = MAPPER.sealed(registered, {"ada": (1, key)})
    row = (7, stored.originator_id, 1, stored.topic, stored.state)
    assert MAPPER.recorded(*row, keys={("ada", 1): key}).event == registered.event
    with pytest.raises(UnreadableEventError):
        MAPPER.recorded(*row, keys={("ada", 1): wrapped})


# In the database
def test_no_key_in_a_dump_opens_anything(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *(save(f"Name {i}", f"m{i}") for i in range(5)))
    stored = {(person, number): key for person, number, key in ask(database, STORED)}
    dump = "".join(dump_lines(database))
    plain = _opened(database)
    assert len(plain) == len(stored) == 5
    assert [key for key in stored.values() if key.hex() not in dump] == []
    assert [key for key in plain.values() if key.hex() in dump] == []
    assert [key for key in plain.values() if base64.b64encode(key).decode() in dump] == []
    slices = list(chain.from_iterable(map(_slices, stored.values())))
    ((state,),) = ask(database, "SELECT state FROM events.log WHERE originator_id ~ 'm0$'")
    box = next(iter(MAPPER.transcoder.decode(state).sealed.values())).box
    place = b"attendee:evt_1:m0 1 m0"
    assert AESGCM(plain["m0", 1]).decrypt(box[:12], box[12:], place)
    for key in slices:
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(box[:12], box[12:], place)


def _slices(stored: bytes) -> list[bytes]:
    return [stored[i : i + KEY_SIZE] for i in range(len(stored) - KEY_SIZE + 1)]


def _opened(database: str) -> dict[tuple[str, int], bytes]:
    recorder = open_recorder(database, statements("history"))
    try:
        with recorder.connection() as connection:
            names = [(person, number) for person, number, _ in ask(database, STORED)]
            return recorder.opening(connection, names)
    finally:
        recorder.datastore.close()


def test_who_makes_the_first_key_settles_which_master_key_it_is(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody with another makes a key then, or reads one as destroyed, or parks what it sealed."""
    own, other = MasterKeys(bytes(KEY_SIZE)), MasterKeys(b"o" * KEY_SIZE)
    with recording(database) as record:
        monkeypatch.setattr(master_key, "_in_use", [own])
        record(*opening())
        assert ask(database, CHECK) == [(None,)]
        record(save("Ada"))
        assert ask(database, CHECK) == [(own.check_value,)]
        monkeypatch.setattr(master_key, "_in_use", [other])
        end = ask(database, "SELECT max(notification_id) FROM events.log")
        for command in (save("Ben", "ben"), save("Ada again")):
            with pytest.raises(Unavailable, match="another MASTER_KEY"):
                record(command)
        with pytest.raises(Unavailable, match="another MASTER_KEY"):
            asyncio.run(follow(database))
        assert ask(database, "SELECT count(*) FROM views.parked") == [(0,)]
        assert ask(database, "SELECT max(notification_id) FROM events.log") == end
        monkeypatch.setattr(master_key, "_in_use", [own])
        record(save("Ben", "ben"), save("Ada again"), *clicks(1), *clicks(1, "ben"))
    asyncio.run(follow(database))
    shown = "SELECT name FROM views.leaderboard ORDER BY 1"
    assert ask(database, shown) == [("Ada again",), ("Ben",)]


def test_keys_stay_plain_where_the_version_before_may_run(database: str) -> None:
    ask(database, "DELETE FROM events.master_key")
    with recording(database) as record:
        record(*opening(), save("Ada"), save("Ben", "ben"))
    assert [len(key) for _, _, key in ask(database, STORED)] == [KEY_SIZE] * 2
    assert {key for _, _, key in ask(database, STORED)} == {*_opened(database).values()}
