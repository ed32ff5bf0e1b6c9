"""Messages of the product's own, which count for meet_attendees as telemetry does: nobody needs to
report them."""

from collections.abc import Iterator

from domain.aggregate import Recorded
from domain.messages import ThreadMessageSent
from domain.reports import RecordTelemetry


def meet(recorded: Recorded) -> Iterator[RecordTelemetry]:
    match recorded.event:
        case ThreadMessageSent(to_member_id=other):
            event_id, author = recorded.member
            yield RecordTelemetry(
                event_id=event_id,
                member_id=author,
                target_member_id=other,
                action="message_sent",
                ts=recorded.at,
            )
