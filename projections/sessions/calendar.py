"""An event's agenda to take away, all of it or what a member has starred, and whether a secret link
opens the latter."""

from collections.abc import Sequence
from functools import reduce

from msgspec.structs import replace

from domain.aggregate import Recorded, stream
from domain.calendar_links import CALENDAR_LINK
from projections.question import Ask, Found, FromLog, MemberAsk, Own, keyed
from projections.sessions.questions import (
    SPEAKING,
    STARRED_ITEMS,
    Programme,
    agenda_streams,
    only_starred,
    programme,
    starred_streams,
)
from projections.sessions.rows import AGENDAS, ITEMS, SESSIONS, SPEAKERS, STARS

ZONE = "UTC"  # of an event that is not in the log


def _starred(ask: MemberAsk, found: Found) -> Programme:
    """With those who speak in what was starred."""
    own = only_starred(ask, found, programme(ask.event_id, found, ZONE))
    speaking = {id_ for item in own.items for id_ in item.speaker_ids}
    return replace(own, speakers={id_: s for id_, s in own.speakers.items() if id_ in speaking})


WHOLE_AGENDA = Own(
    "whole_agenda",
    SESSIONS,
    Ask,
    streams=agenda_streams,
    rows=(keyed(AGENDAS, 1), keyed(ITEMS, 1), keyed(SPEAKERS, 1)),
    answer=lambda ask, found: programme(ask.event_id, found, ZONE),
    bound=5_000,
    together=4,
)
STARRED_AGENDA = Own(
    "starred_agenda",
    SESSIONS,
    MemberAsk,
    streams=starred_streams,
    rows=(keyed(AGENDAS, 1), keyed(STARS, 2), STARRED_ITEMS, SPEAKING),
    answer=_starred,
    bound=10_000,
    together=8,
)


def _digest(ask: MemberAsk, log: Sequence[Recorded]) -> str | None:
    link = CALENDAR_LINK.initial
    link = reduce(lambda link, r: CALENDAR_LINK.evolve(link, r.event, r.at), log, link)
    digest: str | None = link.digest
    return digest


# The digest of the secret that opens it. A link that was revoked a moment ago opens nothing more.
LINK_DIGEST = FromLog(
    "calendar_link",
    streams=lambda ask: (stream(CALENDAR_LINK.name, ask.event_id, ask.member_id),),
    answer=_digest,
)
