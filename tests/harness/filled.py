"""A database as full as it gets: 200 events of 500 members, 5,000 that were only announced, and one
as large as is provided for, in which one member has done all that there is to do."""

import psycopg

EVENTS, MEMBERS, SESSIONS, ANNOUNCED = 200, 500, 100, 5_000
LARGE_MEMBERS, LARGE_SESSIONS, MISSIONS, CLICKS = 50_000, 2_000, 500, 5_000
BLOCKED = 100  # who block a member of theirs
MESSAGES, THREADS, REPORTS = 10_000, 5_000, 1_000
SYNCS = 1_000
OPENS = "2026-09-01T09:00:00Z"

STATEMENTS = """
    CREATE TEMPORARY TABLE announced AS
        SELECT 'evt_' || n AS event_id, n > %(events)s AS quiet
        FROM generate_series(1, %(events)s + %(announced)s) AS n
        UNION ALL SELECT 'large', false;
    CREATE TEMPORARY TABLE member AS
        SELECT event_id, 'usr_' || n AS member_id, n FROM announced, LATERAL generate_series(
            1, CASE WHEN quiet THEN 0 WHEN event_id = 'large' THEN %(large_members)s
            ELSE %(members)s END
        ) AS n;
    CREATE TEMPORARY TABLE session AS
        SELECT event_id, n, %(opens)s::timestamptz + n / 300 * interval '1 day'
            + n %% 100 * interval '5 minutes' AS at
        FROM announced, LATERAL generate_series(
            1, CASE WHEN quiet THEN 0 WHEN event_id = 'large' THEN %(large_sessions)s
            ELSE %(sessions)s END
        ) AS n;
    CREATE TEMPORARY TABLE busy AS SELECT 'large' AS event_id, 'usr_1' AS member_id;

    INSERT INTO events.log (originator_id, originator_version, topic, state)
        SELECT kind || ':' || event_id, 1, 'T', '{}'
        FROM announced, unnest(ARRAY['conference', 'agenda', 'catalogue']) AS kind;
    INSERT INTO events.log (originator_id, originator_version, topic, state)
        SELECT kind || ':' || event_id || ':' || member_id, 1, 'T', '{}'
        FROM member, unnest(ARRAY['attendee', 'missions', 'messages', 'inbox', 'blocks']) AS kind;
    INSERT INTO events.log (originator_id, originator_version, topic, state)
        SELECT 'flags:' || event_id, 1, 'T', '{}' FROM announced;
    INSERT INTO views.conferences SELECT event_id, 'A conference', 'UTC' FROM announced;
    INSERT INTO views.agendas SELECT event_id, 'A conference', 'UTC' FROM announced;
    INSERT INTO views.mission_catalogues SELECT event_id, '[]' FROM announced;
    INSERT INTO views.member_missions
        SELECT event_id, member_id, 'mission_' || k, 'completed', 10, now()
        FROM member, generate_series(1, 3) AS k
        UNION ALL SELECT busy.*, 'mission_' || k, 'completed', 10, now()
        FROM busy, generate_series(4, %(missions)s) AS k;
    INSERT INTO views.mission_ledger
        SELECT event_id, member_id, k, now(), 'mission_' || k, 'member', 10
        FROM member, generate_series(1, 2) AS k
        UNION ALL SELECT busy.*, k, now(), 'mission', 'member', 10
        FROM busy, generate_series(3, %(clicks)s) AS k;
    INSERT INTO views.leaderboard
        SELECT event_id, member_id, member_id, true, n %% 40, 1, now(), n,
            CASE WHEN n <= %(blocked)s THEN ARRAY['usr_1', 'usr_2'] ELSE '{}' END
        FROM member;
    INSERT INTO views.attendees
        SELECT event_id, member_id, n, n, true, member_id, '', 'A company', '', '', '{web,ai}',
            '{}', '{}', '{}', '{}', '{}', ' ' || member_id || ' a company web ai ', true
        FROM member;
    INSERT INTO views.attendee_activity SELECT event_id, member_id, n FROM member;
    INSERT INTO views.blocks
        SELECT event_id, member_id, 'usr_' || k, n, true
        FROM member, generate_series(1, 3) AS k
        UNION ALL SELECT busy.*, 'usr_' || k, k, true
        FROM busy, generate_series(4, %(clicks)s) AS k;
    INSERT INTO views.attendees_met
        SELECT event_id, member_id, 'usr_' || k, true, false, false
        FROM member, generate_series(1, 3) AS k;
    INSERT INTO views.addresses
        SELECT event_id, member_id, member_id || '@example.org', member_id || '@example.org'
        FROM member;
    INSERT INTO views.member_areas SELECT event_id, member_id, '{web,ai}' FROM member;
    INSERT INTO views.member_stars
        SELECT event_id, member_id, 's' || 1 + (n + k) %% %(sessions)s, true
        FROM member, generate_series(1, 3) AS k
        UNION ALL SELECT busy.*, 's' || n, true FROM busy JOIN session USING (event_id)
        WHERE n > %(sessions)s;
    INSERT INTO views.thread_people
        SELECT event_id, member_id, member_id, 'Does things', 'A company', '', true, false
        FROM member;
    INSERT INTO views.thread_blocks
        SELECT event_id, member_id, 'usr_' || n + 1, n %% 3 = 0 FROM member;
    INSERT INTO views.threads
        SELECT event_id, member_id, 'usr_' || n + k, n * 10 + k, 'm' || k, member_id, now(), k %% 2
        FROM member, generate_series(2, 4) AS k
        UNION ALL SELECT busy.*, 'usr_' || k, k, 'm' || k, 'usr_' || k, now(), 1
        FROM busy, generate_series(6, %(threads)s) AS k;
    INSERT INTO views.thread_messages
        SELECT event_id, member_id, 'm' || k, least(member_id, 'usr_' || n + k),
            greatest(member_id, 'usr_' || n + k), n * 10 + k, now(), 'Some words', false
        FROM member, generate_series(2, 4) AS k
        UNION ALL SELECT event_id, 'usr_' || 1 + k %% 2, 'm' || k, member_id, 'usr_2', k, now(),
            'Some words', false
        FROM busy, generate_series(5, %(messages)s) AS k;
    INSERT INTO views.flagged_messages
        SELECT event_id, member_id, 'm2', n, now(), 'usr_' || n + 1, 'Rude'
        FROM member WHERE n < %(reports)s;
    INSERT INTO views.sync_people
        SELECT event_id, member_id, member_id, 'Does things', 'A company', '', true, false
        FROM member;
    INSERT INTO views.sync_blocks
        SELECT event_id, member_id, 'usr_' || n + 1, n %% 3 = 0 FROM member;
    INSERT INTO views.member_syncs
        SELECT event_id, member_id, 'sync_' || n || '_' || k, 'usr_' || n + k, k = 1, n * 10 + k,
            30, ARRAY[now()], now(), 'accepted', now(), now() + k * interval '1 hour', 1
        FROM member, generate_series(1, 3) AS k
        UNION ALL SELECT busy.*, 'sync_' || k, 'usr_2', true, k, 30, ARRAY[now()], now(),
            'accepted', now(), now() + k * interval '1 hour', 1
        FROM busy, generate_series(4, %(syncs)s) AS k;
    INSERT INTO views.sync_texts
        SELECT event_id, 'sync_' || n || '_' || k, member_id, 'Some words', 'Hall A', member_id, ''
        FROM member, generate_series(1, 3) AS k
        UNION ALL SELECT event_id, 'sync_' || k, 'usr_1', 'Some words', 'Hall A', 'usr_1', ''
        FROM busy, generate_series(4, %(syncs)s) AS k;
    INSERT INTO events.log (originator_id, originator_version, topic, state)
        SELECT kind || ':' || event_id || ':' || member_id, 1, 'T', '{}'
        FROM member, unnest(ARRAY['appointments', 'blocks']) AS kind
        ON CONFLICT DO NOTHING;
    INSERT INTO views.agenda_items
        SELECT event_id, 's' || n, 0, now(), 'A title', at, at + interval '45 minutes', 'About it',
            '', '', '{web}', 'session', 'scheduled', ARRAY['spk_' || n, 'spk_' || n / 2], '', ''
        FROM session;
    INSERT INTO views.agenda_speakers
        SELECT event_id, 'spk_' || n, 'A name', '{ai}', NULL FROM session;
    ANALYZE
"""


def fill(database_url: str) -> None:
    sizes = {
        "events": EVENTS,
        "announced": ANNOUNCED,
        "members": MEMBERS,
        "large_members": LARGE_MEMBERS,
        "sessions": SESSIONS,
        "large_sessions": LARGE_SESSIONS,
        "missions": MISSIONS,
        "clicks": CLICKS,
        "blocked": BLOCKED,
        "messages": MESSAGES,
        "threads": THREADS,
        "reports": REPORTS,
        "syncs": SYNCS,
        "opens": OPENS,
    }
    with psycopg.connect(
        database_url, autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        connection.execute("SET synchronous_commit = off")
        for statement in STATEMENTS.split(";"):
            connection.execute(statement.encode(), sizes)
