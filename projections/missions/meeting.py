"""Messages and syncs of the product's own, which count for meet_attendees as telemetry does: nobody
needs to report them."""

from collections.abc import Iterator

from domain.aggregate import Recorded
from domain.meeting import Action
from domain.messages import ThreadMessageSent
from domain.reports import RecordTelemetry
from domain.sync_events import SyncRequested


def meet(recorded: Recorded) -> Iterator[RecordTelemetry]:
    match recorded.event:
        case ThreadMessageSent(to_member_id=other):
            yield _report(recorded, "message_sent", recorded.member[1], other)
        case SyncRequested(from_member_id=asker, with_member_id=other):
            yield _report(recorded, "sync_created", asker, other)


def _report(recorded: Recorded, action: Action, member: str, other: str) -> RecordTelemetry:
    return RecordTelemetry(
        event_id=recorded.scope_id,
        member_id=member,
        target_member_id=other,
        action=action,
        ts=recorded.at,
    )
