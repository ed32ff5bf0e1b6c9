"""Erasing beside no product at all, and looking for what is left."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg
import pytest

from domain.agenda import ImportSchedule, SaveSpeaker, Speaker
from domain.agenda_items import AgendaItem
from domain.aggregate import Recorded
from domain.attendees import AttendeeRegistered, Profile, SaveProfile
from domain.errors import Unavailable
from domain.names import id_of_name, names_in_ids
from domain.store.erasure import Held
from projections.engine.rebuild import Different, rebuild
from projections.missions.rows import MISSION_LEADERBOARD
from projections.read_model import ReadModel
from projections.read_models import READ_MODELS
from tests.bench import past
from tests.boards import clicks, opening, project, recording
from tests.store import ask
from workers.bus import messages
from workers.operations import erase
from workers.operations.traces import Traces, Words, search, search_messages
from workers.settings import Settings

NAME = "Quintessa Zephyrine"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PROFILE = Profile(NAME, company="Orrery")
NAMES = "SELECT name, shown, points_earned FROM views.leaderboard"

Erase = Callable[..., str]


@pytest.fixture
def erased(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Erase:
    """Runs the command on this test's database, and gives what it said."""
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("NATS_URL", raising=False)
    monkeypatch.setattr(erase, "OWN_PROJECTOR_AFTER", 0.0)

    def run(*arguments: str, code: int = 0) -> str:
        assert erase.main([*arguments, "--yes"]) == code
        return capsys.readouterr().out

    return run


def test_read_models_follow_also_where_no_projector_runs(database: str, erased: Erase) -> None:
    with recording(database) as record:
        record(*opening())
        record(SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE), *clicks(1))
    asyncio.run(project(database))
    assert ask(database, NAMES) == [(NAME, True, 10)]
    said = erased("ada")
    assert ask(database, NAMES) == [("Erased", False, 10)]
    assert f"1 event in attendee:evt_1:ada says of ada ({NAME}): name, company" in said
    assert "nothing that ada said of themselves is left" in said


def test_refusals_in_bulks_go_with_whom_they_name_and_with_who_sent_them(
    database: str, erased: Erase
) -> None:
    with recording(database) as record:
        record(*opening(), SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE))
    rows = [("ben", "There is no attendee ada."), ("ada", "9 is taken."), ("ben", "10 is taken.")]
    for index, (principal, detail) in enumerate(rows):
        ask(
            database,
            "INSERT INTO events.bulk_refusals VALUES ('bulk:evt_1:a', %s, %s, 'NotFound', %s)",
            index,
            principal,
            msgspec.json.encode([detail]),
        )
    assert "Forgot 2 kept replies." in erased("ada")
    assert ask(database, "SELECT command FROM events.bulk_refusals") == [(2,)]


def erased_unfollowed(database: str, erased: Erase, monkeypatch: pytest.MonkeyPatch) -> None:
    """The read models do not hear of it."""
    monkeypatch.setattr(erase, "TIMEOUT", 0.0)
    monkeypatch.setattr(erase, "OWN_PROJECTOR_AFTER", 1e9)
    with recording(database) as record:
        record(*opening(), SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE))
        record(*clicks(1))
    asyncio.run(project(database))
    with pytest.raises(Unavailable, match="read models do not follow"):
        erased("ada")


def test_rebuild_after_an_erasure_lets_the_old_tables_follow_first(
    database: str, erased: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased_unfollowed(database, erased, monkeypatch)
    done = asyncio.run(rebuild(database, MISSION_LEADERBOARD))
    assert done.different == []
    assert ask(database, NAMES) == [("Erased", False, 10)]


def test_rebuild_shows_nothing_that_was_erased_where_the_old_tables_cannot_follow(
    database: str, erased: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    erased_unfollowed(database, erased, monkeypatch)
    park(database, "leaderboard")
    asyncio.run(project(database))
    with pytest.raises(Different) as refused:
        asyncio.run(rebuild(database, MISSION_LEADERBOARD))
    lines = [line for difference in refused.value.differences for line in difference.lines()]
    assert lines == ["leaderboard evt_1, ada"]


def park(database: str, reader: str) -> None:
    """From its first event that this reader has not applied."""
    ask(
        database,
        """INSERT INTO views.parked (reader, stream, position, problem)
        SELECT name, 'attendee:evt_1:ada', position + 1, 'ValueError: no'
        FROM views.positions WHERE name = %s""",
        reader,
    )


def test_what_is_parked_is_named_with_what_makes_it_follow(database: str, erased: Erase) -> None:
    with recording(database) as record:
        record(*opening(), SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE))
        record(*clicks(1))
    asyncio.run(project(database))
    park(database, "leaderboard")
    said = erased("ada", code=1)
    assert (
        "leaderboard does not follow, for attendee:evt_1:ada is parked there. To have it follow: "
        "`python -m workers parked replay attendee:evt_1:ada`, or "
        "`python -m workers rebuild leaderboard --accept`.\n"
    ) in said
    assert "run this again" not in said
    asyncio.run(rebuild(database, MISSION_LEADERBOARD, accept=True))
    assert ask(database, NAMES) == [("Erased", False, 10)]


def test_what_is_not_searched_for_is_said(database: str, erased: Erase) -> None:
    profile = Profile(NAME, goals=("meet horologists",), seeks=("rubies",))
    with recording(database) as record:
        record(*opening(), SaveProfile(event_id="evt_1", member_id="ada", profile=profile))
    assert "Goals, seeks are everybody's words: not searched for.\n" in erased("ada")


def test_who_goes_on_writing_meanwhile_is_to_be_erased_again(
    database: str, erased: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(number: int) -> None:
        with recording(database) as record:
            profile = Profile(f"{NAME} {number}", company="Orrery")
            record(SaveProfile(event_id="evt_1", member_id="ada", profile=profile))
        asyncio.run(project(database))

    def late(url: str, config: Settings, held: Held) -> Traces:
        save(1)
        return searched(url, config, held)

    searched = erase._search
    monkeypatch.setattr(erase, "_search", late)
    with recording(database) as record:
        record(*opening())
    for number in range(1, 8):
        save(number)
    said = erased("ada", code=1)
    assert f"({', '.join(f'{NAME} {i}' for i in range(1, 6))}, 2 more): name, company" in said
    assert "They have said more meanwhile, perhaps: run this again.\n" in said


def test_what_was_recorded_before_there_were_keys_is_told_of(database: str, erased: Erase) -> None:
    stream, event = "attendee:evt_1:ada", AttendeeRegistered(PROFILE)
    past.write(database, [Recorded(0, stream, 1, event, NOW, "ada", "evt_1")])
    asyncio.run(project(database))
    said = erased("ada", code=1)
    assert "words of ada are left in events.log (1)" in said
    assert "1 event was recorded before anything was sealed" in said
    assert ask(database, NAMES) == [("Erased", False, 0)]


def test_who_is_asked_and_says_something_else_stays(
    database: str, erased: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording(database) as record:
        record(*opening())
        record(SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "eve")
    with pytest.raises(erase.Refused, match="Nothing was changed"):
        erase.main(["ada"])
    assert ask(database, "SELECT key IS NULL FROM events.person_keys") == [(False,)]


OLD = id_of_name(NAME)


def shown(database: str) -> list[tuple[str, str]]:
    """Speakers as members read them: the ids in sessions, and the names."""
    said = """SELECT s.speaker_id, s.name FROM views.agenda_items AS i
        JOIN views.agenda_speakers AS s ON s.event_id = i.event_id
        AND s.speaker_id = ANY(i.speaker_ids)"""
    return ask(database, said)


def imported(speaker: Speaker, source: str = "small") -> ImportSchedule:
    talk = AgendaItem("a", "A talk", NOW, NOW, speaker_ids=(speaker.id,))
    return ImportSchedule(event_id="evt_1", source=source, items=(talk,), speakers=(speaker,))


def test_name_in_an_id_that_was_made_of_it_is_replaced_and_told_of(
    database: str, erased: Erase
) -> None:
    with recording(database) as record:
        record(*opening(), imported(Speaker(OLD, NAME)))
    asyncio.run(project(database))
    assert shown(database) == [(OLD, NAME)]
    said = erased(f"evt_1:{OLD}", code=1)
    assert shown(database) == [("erased-1", "Erased")]
    assert f"nothing that evt_1:{OLD} said of themselves is left but their name.\n" in said
    assert "Ids tell of the name in events.log (" in said
    with recording(database) as record:
        record(imported(Speaker(OLD, NAME)))
    asyncio.run(project(database))
    assert shown(database) == [("erased-1", "Erased")]


def test_id_that_says_nothing_leaves_nothing(database: str, erased: Erase) -> None:
    with recording(database) as record:
        record(*opening(), imported(Speaker("small-speaker-1", NAME)))
    asyncio.run(project(database))
    said = erased("evt_1:small-speaker-1")
    assert shown(database) == [("small-speaker-1", "Erased")]
    assert "nothing that evt_1:small-speaker-1 said of themselves is left.\n" in said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'{{"speaker_ids":["{OLD}"]}}', True),
        ("small-interview-with-quintessa-zephyrine-0123456789ab", True),
        ("evt_1:quintessa.zephyrine", True),
        (OLD.rpartition("-")[2], True),
        ("quintessa", False),
        ("quintessa-zephyrines", False),
        ("small-speaker-1", False),
    ],
)
def test_name_inside_an_id_is_found_in_each_spelling(text: str, found: bool) -> None:
    words = Words("small-speaker-1", [NAME], names_in_ids(NAME))
    assert (words.in_ids(text), words.among(text)) == (found, False)


WORDS = [
    NAME,
    'Quintessa "Q" Zephyrine',
    "Quintessa\\Zephyrine",
    "Quintessa\nZephyrine",
    "Quintessa\tZephyrine",
    "Zoë 🎉, {Zephyrine}",
    "https://example.org/?q=Quintessa&z=1",
]
PLACES = {
    "a text": "CREATE TABLE views.held AS SELECT %s::text AS it, 'ada' AS member_id",
    "an array": "CREATE TABLE views.held AS SELECT ARRAY['x', %s, ''] AS it, 'ada' AS member_id",
    "jsonb": "CREATE TABLE views.held AS SELECT jsonb_build_array(%s::text, 'ada') AS it",
    "bytes": "CREATE TABLE views.held AS SELECT convert_to('ada \"' || %s || '\"', 'UTF8') AS it",
}


@pytest.mark.parametrize("place", PLACES)
def test_word_is_found_wherever_it_stands(database: str, place: str) -> None:
    for word in WORDS:
        with psycopg.connect(database, autocommit=True, cursor_factory=psycopg.ClientCursor) as c:
            c.execute(PLACES[place].encode(), (word,))
        traces = search(database, None, Words("ada", [word]))
        assert traces.theirs == {"views.held": 1}, word
        assert search(database, None, Words("adam", [word])).theirs == {}
        assert search(database, None, Words("ada", [word + "s"])).theirs == {}
        ask(database, "DROP TABLE views.held")


def test_words_that_stand_in_statistics_or_files_are_found(database: str, tmp_path: Path) -> None:
    ask(
        database,
        "CREATE TABLE views.held AS SELECT %s::text AS it FROM generate_series(1, 9)",
        NAME,
    )
    ask(database, "ANALYZE views.held")
    (tmp_path / "1.blk").write_bytes(b"\0\xff" + NAME.encode() + b"\0")
    traces = search(database, tmp_path, Words("ada", [NAME]))
    assert traces.theirs == {"JetStream": 1}
    assert traces.others == {"views.held": 9, "the statistics of views.held.it": 1}


def test_keys_that_a_backup_reads_are_swept_another_time(
    database: str, erased: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To wait for it would keep writers waiting too."""
    monkeypatch.setattr(erase, "VACUUM_TIMEOUT", 0.1)
    with recording(database) as record, psycopg.connect(database) as backup:
        record(*opening())
        record(SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE))
        backup.execute("SET idle_in_transaction_session_timeout = '10s'")
        backup.commit()
        backup.execute("SELECT FROM events.person_keys")
        with pytest.raises(Unavailable, match="as it was before, a backup perhaps"):
            erased("ada")
        record(SaveProfile(event_id="evt_1", member_id="ben", profile=PROFILE))
        backup.rollback()
        assert "What may be left is swept." in erased("ada")


def test_key_that_a_transaction_of_before_may_see_is_swept_another_time(
    database: str, erased: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is not without it, also where nobody reads its table."""
    monkeypatch.setattr(erase, "VACUUM_TIMEOUT", 0.1)
    file = "SELECT pg_read_binary_file(pg_relation_filepath('events.person_keys'))"
    with recording(database) as record, psycopg.connect(database) as backup:
        record(*opening())
        record(SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE))
        ((key,),) = ask(database, "SELECT key FROM events.person_keys")
        backup.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        backup.execute("SELECT count(*) FROM events.log")
        with pytest.raises(Unavailable, match="as it was before, a backup perhaps"):
            erased("ada")
        ask(database, "CHECKPOINT")
        assert bytes(key) in ask(database, file)[0][0]
        backup.rollback()
        assert "What may be left is swept." in erased("ada")
    ask(database, "CHECKPOINT")
    assert bytes(key) not in ask(database, file)[0][0]


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_rebuild_after_an_erasure_holds_the_same(
    database: str, erased: Erase, model: ReadModel
) -> None:
    """Live tables after an erasure are the fold of the whole log without the key."""
    speaker = Speaker("p1", NAME, "q@example.org", ("orreries",))
    with recording(database) as record:
        record(*opening())
        record(SaveProfile(event_id="evt_1", member_id="ada", profile=PROFILE), *clicks(1))
        record(SaveSpeaker(event_id="evt_1", speaker=speaker))
        record(SaveProfile(event_id="evt_1", member_id="ada", profile=Profile("Another")))
    asyncio.run(project(database))
    erased("ada")
    erased("evt_1:p1")
    assert asyncio.run(rebuild(database, model)).different == []


def test_words_that_a_message_holds_are_found(database: str, nats: str) -> None:
    async def story() -> Traces:
        client = await messages.connect(nats, "test")
        jetstream = client.jetstream()
        await jetstream.add_stream(messages.STREAM)
        for i in range(700):  # more than a page
            await client.publish("events.x", b"%d" % i)
        await jetstream.publish("events.x", NAME.encode())
        await client.close()
        traces = Traces(Counter(), Counter())
        await search_messages(nats, Words("ada", [NAME]), traces)
        return traces

    traces = asyncio.run(story())
    assert (traces.messages, traces.theirs) == (701, {"JetStream": 1})
