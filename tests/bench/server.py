"""The API process that is measured: the product's, and beside it a PATCH and a GET that do
nothing."""

from litestar import Response, get, patch

from api.app import create_app
from api.http.fields import EventId, MissionId, OfMember
from api.missions import StatusBody
from api.server import run
from api.services import Request, services
from workers.settings import read

EMPTY = "/empty/events/{event_id:str}/missions/{mission_id:str}"


@patch(EMPTY, include_in_schema=False)
async def empty(
    request: Request, event_id: EventId, mission_id: MissionId, data: StatusBody
) -> Response[bytes]:
    """Same address, same token, same body; an answer of the same size as the product's."""
    await services(request).identity.authenticate(request)
    return Response(ANSWER, media_type="application/json")


ANSWER = (
    b'{"mission":{"id":"mission_1","status":"completed","points_earned":10,'
    b'"updated_at":"2026-01-01T00:00:00.000000Z"},"progress":{"points_earned":10,'
    b'"missions_completed":1,"missions_total":20,"points_total":200}}'
)


EMPTY_BOARD = "/empty/events/{event_id:str}/missions"


@get(EMPTY_BOARD, include_in_schema=False)
async def empty_board(
    request: Request, event_id: EventId, member_id: OfMember = None
) -> Response[bytes]:
    """Same address, same token; an answer of the same size as the product's."""
    await services(request).identity.authenticate(request)
    return Response(BOARD, media_type="application/json")


BOARD = ANSWER * 20


def main() -> None:
    settings = read()
    app = create_app(settings)
    app.register(empty)
    app.register(empty_board)
    run(app, settings)


if __name__ == "__main__":
    main()
