"""The OpenAPI description, with what the framework leaves out of it."""

from typing import Any

import msgspec
from litestar import MediaType, Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

from api.reading import FOLDED

Schema = dict[str, Any]

COMMANDS = ("put", "patch", "post", "delete")

IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "the same key, path and body gives the first reply again, for 24 h at least",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"},
}
MIN_POSITION: Schema = {
    "name": "Min-Position",
    "in": "header",
    "required": False,
    "description": "the answer shows this position or a later one",
    "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
}
EVENT_POSITION: Schema = {
    "description": "the position that the answer stands on",
    "schema": {"type": "integer"},
}


class Described(OpenAPIRenderPlugin):
    """The description as JSON, at `/schema` and `/schema/openapi.json`."""

    def __init__(self) -> None:
        super().__init__(path=["/openapi.json", "/"], media_type=MediaType.JSON)
        self._rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:
        if self._rendered is None:
            self._rendered = msgspec.json.encode(_completed(openapi_schema))
        return self._rendered


def _completed(schema: Schema) -> Schema:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/events"):
                _with_positions(method, operation)
    for component in schema["components"]["schemas"].values():
        if component.get("title", "").endswith("Body"):
            component["additionalProperties"] = False
    return schema


def _with_positions(method: str, operation: Schema) -> None:
    parameters = operation.setdefault("parameters", [])
    parameters.append(IDEMPOTENCY_KEY if method in COMMANDS else MIN_POSITION)
    for status, response in operation["responses"].items():
        if status.startswith("2") and "text/event-stream" not in response.get("content", {}):
            response.setdefault("headers", {})["Event-Position"] = EVENT_POSITION
            if method == "get":
                response["headers"]["Read-Model"] = {
                    "description": "`folded`: the projector is away, this comes from the log",
                    "schema": {"type": "string", "enum": list(FOLDED.values())},
                }
