"""Tools as functions that a model may call while it answers one member's question.

The model chooses neither the event nor the member: what it reads was written by others, and must
not make it look elsewhere. For the same reason it gets only tools that read.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.agents.tool import Headers, Input, Tool, ToolInput, call, input_schema
from api.http.fields import Schema
from api.http.request import Request, converted, decoded
from domain.errors import Invalid, Problem
from workers.model import Function

log = logging.getLogger(__name__)

FIXED = frozenset(ToolInput.__struct_encode_fields__)  # what the model does not choose
BROKEN = "Something broke here. It has been noted."


class Functions:
    """The tools, called for one question at one time. The same call twice is made once, so that
    the answer stands on what was shown beside it."""

    def __init__(self, request: Request, event_id: str, at: datetime) -> None:
        self._request = request
        self._event_id = event_id
        self._at = at
        self._answers: dict[tuple[str, ToolInput], tuple[Any, Headers]] = {}

    async def call(self, tool: Tool[Input], given: Input) -> tuple[Any, Headers]:
        """The answer and its headers. Raises a Problem for what is refused."""
        key = tool.name, given
        if key not in self._answers:
            self._answers[key] = await call(self._request, tool, given, at=self._at)
        return self._answers[key]

    def offered(self, tools: Sequence[Tool[Any]]) -> list[Function]:
        return [self._function(tool) for tool in tools if tool.reads]

    def _function(self, tool: Tool[Any]) -> Function:
        async def called(arguments: str) -> bytes:
            try:
                given = self._input(tool, decoded(arguments.encode(), Any))
                answer, _ = await self.call(tool, given)
            except Problem as e:
                raise ValueError(e.detail) from None
            except Exception as e:
                log.exception("the tool %s broke", tool.name)
                raise ValueError(BROKEN) from e
            return msgspec.json.encode(tool.shorten(answer))

        return Function(tool.name, tool.description, parameters(tool), called)

    def _input(self, tool: Tool[Input], arguments: Any) -> Input:
        if not isinstance(arguments, dict):
            raise Invalid("", ("$", "must be an object"))
        if chosen := sorted(FIXED & arguments.keys()):
            raise Invalid("", ("$", f"Object contains unknown field `{chosen[0]}`"))
        given: Input = converted(arguments | {"eventId": self._event_id}, tool.input)
        return given


def parameters(tool: Tool[Any]) -> Schema:
    """The schema of the tool's input, without what is fixed."""
    schema = input_schema(tool)
    properties = {k: v for k, v in schema["properties"].items() if k not in FIXED}
    required = [name for name in schema["required"] if name not in FIXED]
    return schema | {"properties": properties, "required": required}
