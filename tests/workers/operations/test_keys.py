"""Keys of persons change their form beside those who go on writing."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import psycopg
import pytest

from domain.attendees import Profile, SaveProfile
from domain.errors import Refused, Unavailable
from domain.store import master_key
from domain.store.master_key import KEY_SIZE, MasterKeys
from projections.engine.event_log import Connection
from tests.boards import Record, opening, recording
from tests.store import ask
from tests.workers.operations.test_upkeep import tidied
from workers.operations import keys as module
from workers.operations.erase import erasure
from workers.servers.master_key import wrap_from_now_on
from workers.servers.roles import url_of_worker

PLAIN, WRAPPED = KEY_SIZE, KEY_SIZE + 8
OLD, NEW = MasterKeys(b"o" * KEY_SIZE), MasterKeys(b"n" * KEY_SIZE)
BOTH = MasterKeys(b"n" * KEY_SIZE, b"o" * KEY_SIZE)
SIZES = "SELECT octet_length(key), count(*) FROM events.person_keys GROUP BY 1 ORDER BY 1"
FILE = "SELECT pg_read_binary_file(pg_relation_filepath('events.person_keys'))"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
Use = Callable[[MasterKeys], None]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 3)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Has this process use other master keys for as long as the test takes."""
    in_use: list[MasterKeys] = []
    monkeypatch.setattr(master_key, "_in_use", in_use)

    def change(keys: MasterKeys) -> None:
        in_use[:] = [keys]

    return change


def save(number: int) -> SaveProfile:
    profile = Profile(f"Name {number}")
    return SaveProfile(event_id="evt_1", member_id=f"m{number}", profile=profile)


def run(database: str, form: str) -> None:
    asyncio.run(module._run(database, form))


def sizes(database: str) -> dict[int, int]:
    return dict(ask(database, SIZES))


def readable(database: str, number: int) -> bool:
    """Whether all that these members said can be read."""
    with erasure(database) as erasing:
        held = [erasing.held(f"m{i}") for i in range(number)]
    return all(
        one.values[f"attendee:evt_1:m{i}"]["profile.name"][0] == f"Name {i}"
        for i, one in enumerate(held)
    )


@pytest.fixture
def plain(database: str) -> str:
    """A database whose keys an earlier version has stored."""
    ask(database, "DELETE FROM events.master_key")
    with recording(database) as record:
        record(*opening(), *map(save, range(10)))
    assert sizes(database) == {PLAIN: 10}
    return database


def test_keys_are_wrapped_anew_and_made_plain_while_others_are_made(plain: str, use: Use) -> None:
    """Each form is that of all keys once the command ends, those made meanwhile too, and all opens
    in every one of them."""
    numbers = iter(range(10, 10_000))
    steps = [("wrap", OLD, WRAPPED), ("rewrap", BOTH, WRAPPED), ("unwrap", BOTH, PLAIN)]
    with recording(plain) as record:
        for form, keys, size in steps:
            use(keys)
            with writing(record, numbers):
                run(plain, form)
            made = next(numbers)
            record(save(made))
            assert sizes(plain) == {size: made + 1}
            assert readable(plain, made + 1)


class writing:  # noqa: N801 - it reads as a phrase
    """New members register meanwhile, until the block ends, and at least one."""

    def __init__(self, record: Record, numbers: Iterator[int]) -> None:
        self._record, self._numbers, self._ended = record, numbers, Event()

    def __enter__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._work = self._pool.submit(self._write)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._work.result()
        self._pool.shutdown()

    def _write(self) -> None:
        while True:
            self._record(save(next(self._numbers)))
            if self._ended.is_set():
                return


def test_old_master_key_opens_nothing_once_keys_are_wrapped_anew(plain: str, use: Use) -> None:
    use(OLD)
    run(plain, "wrap")
    before = ask(plain, "SELECT key FROM events.person_keys ORDER BY person")
    use(BOTH)
    run(plain, "rewrap")
    after = ask(plain, "SELECT key FROM events.person_keys ORDER BY person")
    assert [NEW.unwrap(key) for (key,) in after] == [OLD.unwrap(key) for (key,) in before]
    for (key,) in after:
        with pytest.raises(Unavailable):
            OLD.unwrap(key)
    use(NEW)
    assert readable(plain, 10)


def test_change_that_was_cut_off_goes_on(plain: str, use: Use) -> None:
    use(OLD)
    run(plain, "wrap")
    use(BOTH)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "convert", cut_off)
        with pytest.raises(InterruptedError):
            run(plain, "rewrap")
    assert readable(plain, 10)
    run(plain, "rewrap")
    use(NEW)
    assert readable(plain, 10)


async def cut_off(connection: Connection) -> int:
    await module.convert_piece(connection, module.FIRST, all_=True)
    raise InterruptedError


def test_erased_stays_erased_in_every_form(plain: str, use: Use) -> None:
    use(OLD)
    with erasure(plain) as erasing:
        asyncio.run(asyncio.to_thread(erasing.erase, "m3", NOW))
    for form, keys in (("wrap", OLD), ("rewrap", BOTH), ("unwrap", BOTH)):
        use(keys)
        run(plain, form)
        gone = "SELECT key, erased_at IS NOT NULL FROM events.person_keys WHERE person = 'm3'"
        assert ask(plain, gone) == [(None, True)]


def test_upkeep_wraps_what_an_earlier_version_stored_and_leaves_no_file_with_it(
    plain: str, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    use(OLD)
    keys = [bytes(key) for (key,) in ask(plain, "SELECT key FROM events.person_keys")]
    asyncio.run(tidied(plain))
    assert sizes(plain) == {PLAIN: 10}
    assert "Keys of persons are stored plain" in caplog.text
    assert found_in_file(plain, keys) == 10
    wrap_from_now_on(plain)
    asyncio.run(tidied(plain))
    assert sizes(plain) == {WRAPPED: 10}
    assert readable(plain, 10)
    assert found_in_file(plain, keys) == 0
    assert ask(plain, "SELECT rewritten FROM events.master_key") == [(True,)]


def test_file_that_somebody_reads_is_written_anew_later(plain: str, use: Use) -> None:
    use(OLD)
    wrap_from_now_on(plain)
    with psycopg.connect(plain) as backup:
        backup.execute("SELECT FROM events.person_keys")
        asyncio.run(tidied(plain))
        assert sizes(plain) == {WRAPPED: 10}
        assert ask(plain, "SELECT rewritten FROM events.master_key") == [(False,)]
    asyncio.run(tidied(plain))
    assert ask(plain, "SELECT rewritten FROM events.master_key") == [(True,)]


def test_file_is_due_while_a_transaction_of_before_may_see_what_it_had(
    plain: str, use: Use
) -> None:
    """It reads another table, so nobody waits for it; and what it may see is taken along."""
    use(OLD)
    keys = [bytes(key) for (key,) in ask(plain, "SELECT key FROM events.person_keys")]
    wrap_from_now_on(plain)
    with psycopg.connect(plain) as backup:
        backup.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        backup.execute("SELECT count(*) FROM events.log")
        asyncio.run(tidied(plain))
        assert sizes(plain) == {WRAPPED: 10}
        assert found_in_file(plain, keys) == 10
        assert ask(plain, "SELECT rewritten FROM events.master_key") == [(False,)]
    asyncio.run(tidied(plain))
    assert found_in_file(plain, keys) == 0
    assert ask(plain, "SELECT rewritten FROM events.master_key") == [(True,)]


def test_file_stays_due_where_a_key_has_changed_after_it_was_rewritten(
    plain: str, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(OLD)
    wrap_from_now_on(plain)
    really = module.left_nothing

    def meanwhile(heard: list[str]) -> bool:
        ask(plain, module.SQL["to_be_rewritten"])
        return really(heard)

    with monkeypatch.context() as patched:
        patched.setattr(module, "left_nothing", meanwhile)
        asyncio.run(tidied(plain))
        assert ask(plain, "SELECT rewritten FROM events.master_key") == [(False,)]
    asyncio.run(tidied(plain))
    assert ask(plain, "SELECT rewritten FROM events.master_key") == [(True,)]


def test_file_that_our_role_may_not_rewrite_is_not_taken_for_rewritten(
    plain: str, use: Use
) -> None:
    """Postgres skips it with a warning."""
    use(OLD)
    limited = url_of_worker(plain, "a password")
    ask(plain, "REVOKE MAINTAIN ON events.person_keys FROM rapport_worker")
    wrap_from_now_on(plain)
    asyncio.run(tidied(limited))
    assert sizes(plain) == {WRAPPED: 10}
    assert ask(plain, "SELECT rewritten FROM events.master_key") == [(False,)]
    url_of_worker(plain, "a password")
    asyncio.run(tidied(limited))
    assert ask(plain, "SELECT rewritten FROM events.master_key") == [(True,)]


def found_in_file(database: str, keys: list[bytes]) -> int:
    ask(database, "CHECKPOINT")
    ((on_disk,),) = ask(database, FILE)
    return sum(key in on_disk for key in keys)


def test_keys_that_are_plain_cannot_be_wrapped_anew(plain: str) -> None:
    with pytest.raises(Refused, match="keys wrap"):
        run(plain, "rewrap")
