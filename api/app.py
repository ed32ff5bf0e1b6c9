"""Every way in over HTTP, on one screen."""

from typing import Any

from litestar import Litestar, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme

from api import (
    attendee_import,
    attendee_insights,
    attendees,
    blocks,
    calendar_links,
    concierge,
    conferences,
    directory,
    free_time,
    messages,
    mission_metrics,
    missions,
    pages,
    profile_words,
    schedule,
    session,
    sessions,
    stream,
    syncs,
)
from api.agents import mcp
from api.agents.tool import route
from api.agents.tools import TOOLS
from api.formats import frab
from api.http.origin import origin
from api.http.problems import HANDLERS, LARGEST_BODY
from api.openapi import Described
from api.operations import health, metrics
from api.services import Request, Services, lifespan, signed_in
from api.session_tools import EventSessionsInput
from projections.attendees.following import Directories
from projections.conferences import Conference
from projections.sessions.questions import Schedule
from workers.settings import Settings

WITH_TOKEN = Router(
    "/",
    route_handlers=[
        *conferences.ROUTES,
        *attendees.ROUTES,
        *attendee_import.ROUTES,
        *directory.ROUTES,
        *profile_words.ROUTES,
        *attendee_insights.ROUTES,
        *blocks.ROUTES,
        *missions.ROUTES,
        *sessions.ROUTES,
        *schedule.ROUTES,
        *calendar_links.ROUTES,
        *messages.ROUTES,
        *syncs.ROUTES,
        *free_time.ROUTES,
        *map(route, TOOLS),
        *concierge.ROUTES,
        *mcp.ROUTES,
        stream.stream,
        session.get_session,
    ],
    before_request=signed_in,
)
ROUTES = (
    WITH_TOKEN,
    *session.ROUTES,
    *calendar_links.WITH_LINK,
    *health.ROUTES,
    *metrics.ROUTES,
    *pages.ROUTES,
)
# What `/metrics` says of capabilities, in this order, behind what it says of this process.
FAMILIES = (mission_metrics.families,)

# Components of the description that are not named as their types. All names are a promise, also
# where a module has gone by another since: clients are generated from them.
NAMES: dict[type, str] = {
    EventSessionsInput: "Wanted",
    frab.Conference: "api_frab_Conference",
    frab.Schedule: "api_frab_Schedule",
    Conference: "projections_conferences_Conference",
    Schedule: "projections_programme_Schedule",
}

OPENAPI = OpenAPIConfig(
    title="Rapport",
    version="0.1.0",
    description="What happens between people at an event, and the missions that reward it.",
    license=License(name="MIT", identifier="MIT"),
    components=Components(
        security_schemes={
            "token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
            "cookie": SecurityScheme(type="apiKey", name="session", security_scheme_in="cookie"),
        }
    ),
    security=[{"token": []}, {"cookie": []}],
    operation_id_creator=lambda handler, method, path: handler.handler_name,
    render_plugins=[Described(NAMES)],
    openapi_router=Router(
        "/schema", route_handlers=[], include_in_schema=False, before_request=pages.schema_page
    ),
)


def create_app(settings: Settings) -> Any:
    app = Litestar(
        ROUTES,
        lifespan=[lifespan],
        request_class=Request,
        exception_handlers=HANDLERS | pages.HANDLERS,
        openapi_config=OPENAPI,
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
    )
    at_home = app.state.services = Services(settings)
    app.state.health = health.kept_look(at_home)
    app.state.metrics = metrics.kept_text(at_home, FAMILIES)
    app.state.directories = Directories()
    app.state.public = origin((settings.public_url or "").rstrip("/"))
    return app
