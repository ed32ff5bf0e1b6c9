"""The OpenAPI description, completed and corrected where the framework falls short."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Request
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.routes import HTTPRoute

from api.http import fields
from api.reads.reading import FOLDED

Schema = dict[str, Any]

COMMANDS = ("put", "patch", "post", "delete")
FEED = "text/event-stream"
COMPONENTS = "#/components/schemas/"

IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "the same key, path and body gives the first reply again, for 24 h at least",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    },
}
MIN_POSITION: Schema = {
    "name": "Min-Position",
    "in": "header",
    "required": False,
    "description": "the answer shows this position or a later one",
    "schema": {"type": "string", "pattern": fields.POSITION},
}
LAST_EVENT_ID: Schema = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "resume after the message of this id, or after a position; browsers send it",
    "schema": {"type": "string", "pattern": fields.LAST_POSITION},
}
EVENT_POSITION: Schema = {
    "description": "the position that the answer stands on",
    "schema": {"type": "integer"},
}
READ_MODEL: Schema = {
    "description": "`folded`: the projector is away, this comes from the log",
    "schema": {"type": "string", "enum": list(FOLDED.values())},
}
SCHEDULE = "/api/events/{event_id}/schedule"
ATTENDEES = "/api/events/{event_id}/attendees/import"
A_FILE: Schema = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
OF_PROBLEMS: dict[str, Schema] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    "429": {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}},
    "503": {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}},
}

# Links between operations: (from, to, parameters).
EVENT = {"event_id": "$request.path.event_id"}
MEMBER = EVENT | {"member_id": "$request.path.member_id"}
ITEM = EVENT | {"item_id": "$request.path.item_id"}
SESSION = EVENT | {"session_id": "$request.path.item_id"}
STARRED = EVENT | {"session_id": "$request.path.session_id"}
MISSION = EVENT | {"mission_id": "$response.body#/missions/0/id"}
LINKS = (
    ("put_conference", "get_conference", EVENT),
    ("put_conference", "put_missions", EVENT),
    ("put_conference", "put_attendee", EVENT),
    ("put_missions", "get_missions", EVENT),
    ("put_missions", "get_history", EVENT),
    ("put_missions", "get_leaderboard", EVENT),
    ("put_missions", "patch_mission", MISSION),
    ("put_attendee", "post_telemetry", EVENT),
    ("put_attendee", "get_attendee", MEMBER),
    ("put_conference", "get_attendees", EVENT),
    ("put_conference", "post_attendee_import", EVENT),
    ("put_conference", "get_attendees_csv", EVENT),
    ("put_attendee", "get_attendee_address", MEMBER),
    ("put_conference", "get_ranked_attendees", EVENT),
    ("put_conference", "get_blocks", EVENT),
    ("put_attendee", "put_block", MEMBER),
    ("put_attendee", "delete_block", MEMBER),
    ("put_conference", "put_item", EVENT),
    ("put_conference", "put_speaker", EVENT),
    ("put_item", "put_star", SESSION),
    ("put_item", "delete_item", ITEM),
    ("put_star", "get_agenda", EVENT),
    ("put_star", "delete_star", STARRED),
    ("put_conference", "post_schedule", EVENT),
    ("put_conference", "put_calendar_link", EVENT),
    ("put_calendar_link", "get_calendar_link", EVENT),
    ("put_calendar_link", "delete_calendar_link", EVENT),
    ("post_schedule", "get_schedule_json", EVENT),
    ("post_schedule", "get_schedule_ics", EVENT),
)


class Described(OpenAPIRenderPlugin):
    """The description as JSON, at `/schema` and `/schema/openapi.json`."""

    def __init__(self, names: Mapping[type, str]) -> None:
        """`names`: of components, where they are not those of the types. What clients generate is
        named so: a type that moves or is renamed keeps the name that it was published under."""
        super().__init__(path=["/openapi.json", "/"], media_type=MediaType.JSON)
        self._names = names
        self._rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:
        if self._rendered is None:
            self._rendered = _named(_completed(openapi_schema, request.app), self._names)
        return self._rendered


def _named(schema: Schema, names: Mapping[type, str]) -> bytes:
    """The description as JSON. The framework puts as much of the module before names that several
    types have as tells them apart, and msgspec titles a type with its name."""
    components = schema["components"]["schemas"]
    given = {}
    for shape, name in names.items():
        parts = (*shape.__module__.split("."), shape.__name__)
        whole = ("_".join(parts[first:]) for first in range(len(parts)))
        given[next(long for long in whole if long in components)] = name
    for old, new in given.items():
        component = components[new] = components.pop(old)
        if component.get("title") == old:
            component["title"] = new
    text = msgspec.json.encode(schema)
    for old, new in given.items():
        text = text.replace(f'"{COMPONENTS}{old}"'.encode(), f'"{COMPONENTS}{new}"'.encode())
    return text


def _completed(schema: Schema, app: Litestar) -> Schema:
    _with_bodies(schema, app)
    questions = {
        (path, method) for path, method, handler in _handlers(app) if handler.opt.get("question")
    }
    for path, method, operation in _operations(schema):
        if (path, method) in questions:
            _with_positions("get", operation)  # by POST, for its body
        elif path.startswith(("/api/events", "/api/ai-concierge")):
            _with_positions(method, operation)
        for status, response in operation["responses"].items():
            if status in OF_PROBLEMS:
                response.setdefault("headers", {}).update(OF_PROBLEMS[status])
            if status.startswith("2"):
                response["description"] = HTTPStatus(int(status)).phrase
                _with_either(response)
            if status == "204":
                del response["content"]
    _with_links(schema)
    return schema


def _with_either(response: Schema) -> None:
    """`oneOf` becomes `anyOf`: an empty list matches both types."""
    for content in response.get("content", {}).values():
        if "oneOf" in content.get("schema", {}):
            content["schema"]["anyOf"] = content["schema"].pop("oneOf")


def _operations(schema: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _handlers(app: Litestar) -> Iterator[tuple[str, str, Any]]:
    """Path, method in lower case, and handler."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    yield route.path_format, method.lower(), handler


def _with_bodies(schema: Schema, app: Litestar) -> None:
    """Puts in msgspec's description of bodies: that of the framework lacks bounds and unknown
    fields."""
    types = {
        (path, method): handler.parsed_data_field.raw
        for path, method, handler in _handlers(app)
        if handler.parsed_data_field
    }
    shapes, components = msgspec.json.schema_components(
        types.values(), ref_template=COMPONENTS + "{name}"
    )
    for (path, method), shape in zip(types, shapes, strict=True):
        if operation := schema["paths"].get(path, {}).get(method):
            operation["requestBody"]["content"]["application/json"]["schema"] = shape
    schema["components"]["schemas"] |= components
    for path in (SCHEDULE, ATTENDEES):
        schema["paths"][path]["post"]["requestBody"] = {"required": True, "content": A_FILE}


def _with_positions(method: str, operation: Schema) -> None:
    parameters = operation.setdefault("parameters", [])
    if FEED in operation["responses"].get("200", {}).get("content", {}):
        parameters.append(LAST_EVENT_ID)
        return
    parameters.append(IDEMPOTENCY_KEY if method in COMMANDS else MIN_POSITION)
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            headers = response.setdefault("headers", {})
            headers["Event-Position"] = EVENT_POSITION
            if method == "get":
                headers["Read-Model"] = READ_MODEL


def _with_links(schema: Schema) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in _operations(schema)}
    for origin, to, parameters in LINKS:
        answered = by_id[origin]["responses"]["200"]
        answered.setdefault("links", {})[to] = {"operationId": to, "parameters": parameters}
