"""A tool: what an agent may ask or do, declared once.

    HTTP        POST /api/ai-concierge/<name>     `route` below
    MCP         tools/list and tools/call         api.agents.mcp
    functions   of the concierge's model          api.agents.functions

All three take the input by the same schema, and call the same `call`, so that they give the same
answer and the same refusals. A capability declares its tools in files of its own; all of them are
in `api.agents.tools`.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from litestar import Response, post
from msgspec import Meta, Raw, Struct

from api.executing import answered, execute
from api.http import fields
from api.http.principal import Principal
from api.http.problems import STORE_PROBLEMS, documented, store_problem
from api.reads.reading import answer, check_exists
from api.services import Request
from domain.aggregate import Command
from domain.store.writer import Reply

TAGS = ["Concierge"]
PATH = "/api/ai-concierge"
QUESTION = {"question": True}  # marks a route that changes nothing, although it is a POST

Headers = dict[str, str]
SomeId = fields.Id | Annotated[int, Meta(ge=0, lt=10**18)]  # for agents, 54 is an id too
AnEvent = Annotated[SomeId, Meta(description="the event", examples=["evt_1"])]


class ToolInput(fields.Body, frozen=True, kw_only=True, rename="camel"):
    """The input of every tool. A tool that takes more adds its own fields."""

    contractor_id: Annotated[
        SomeId,
        Meta(
            description="the member: `me` is oneself; another's is for organizers", examples=["me"]
        ),
    ] = "me"
    event_id: AnEvent


Input = TypeVar("Input", bound=ToolInput)


class Call(Struct, Generic[Input], frozen=True):
    """One call of a tool. `member_id`: the member that it is about. `at`: the time of it, in UTC,
    which is the same for all calls that are made for one question to the concierge."""

    request: Request
    input: Input
    member_id: str
    at: datetime

    @property
    def event_id(self) -> str:
        return str(self.input.event_id)


class Reads(Struct, Generic[Input], frozen=True):
    """A question. `ask` gives the answer, and the headers that say what it shows."""

    ask: Callable[[Call[Input]], Awaitable[tuple[Any, Headers]]]


class Writes(Struct, Generic[Input], frozen=True):
    """A command. It is idempotent: agents send calls again, and have no Idempotency-Key."""

    command: Callable[[Call[Input]], Command]
    reply: Reply


class Tool(Struct, Generic[Input], frozen=True, kw_only=True, eq=False):
    """`may` gives the member that a call is about, or raises Forbidden or NotFound. `shorten` gives
    the answer as the concierge's model reads it, whose context is small."""

    name: str  # in snake_case
    title: str  # for lists that people read
    summary: str  # of the HTTP call
    description: str  # for models: what it gives, and what of it not to trust
    usage: str  # for models: when to call it, in a sentence
    input: type[Input]
    output: Any  # a Struct, or a union of some
    may: Callable[[Principal, Input], str]
    does: Reads[Input] | Writes[Input]
    shorten: Callable[[Any], Any] = lambda answer: answer

    @property
    def path(self) -> str:
        return f"{PATH}/{self.name.replace('_', '-')}"

    @property
    def reads(self) -> bool:
        return isinstance(self.does, Reads)


# Who may
def member(principal: Principal, given: ToolInput) -> str:
    """Permits calls of members about themselves, and of organizers about anybody."""
    return principal.as_member(str(given.event_id), str(given.contractor_id))


def organizer(principal: Principal, given: ToolInput) -> str:
    """Permits calls of organizers about anybody."""
    principal.as_organizer(str(given.event_id))
    return member(principal, given)


async def call(
    request: Request,
    tool: Tool[Input],
    given: Input,
    *,
    at: datetime | None = None,
    keyed: bool = False,
) -> tuple[Any, Headers]:
    """The answer, which msgspec can encode, and headers to send with it. Raises a Problem for what
    is refused or cannot be done now; any other exception is a bug. `keyed`: whether the request's
    Idempotency-Key is of this call. It cannot be if one request makes several."""
    made = Call(request, given, tool.may(request.user, given), at or datetime.now(UTC))
    try:
        await check_exists(request, made.event_id)
        if isinstance(tool.does, Reads):
            return await tool.does.ask(made)
        return await _written(made, tool.does, keyed)
    except STORE_PROBLEMS as e:
        raise store_problem(request, e) from e


async def _written(made: Call[Input], does: Writes[Input], keyed: bool) -> tuple[Any, Headers]:
    request, command = made.request, does.command(made)
    outcome = await execute(request, command, request.user, made.event_id, does.reply, keyed=keyed)
    return Raw(outcome.reply), dict(answered(request, outcome).headers)


def route(tool: Tool[Any]) -> Any:
    """The tool as an HTTP call."""
    conflict = () if tool.reads else (409,)
    response: Any = Response

    async def handle(request: Request, data: Any) -> Response[Any]:
        return answer(*await call(request, tool, data, keyed=True))

    handle.__name__ = f"post_{tool.name}"
    handle.__annotations__ |= {"data": tool.input, "return": response[tool.output]}
    return post(
        tool.path,
        tags=TAGS,
        status_code=200,
        summary=tool.summary,
        responses=documented(400, 401, 403, 404, *conflict, 413, 429, 503),
        opt=QUESTION if tool.reads else {},
    )(handle)


# Schemas, as agents take them
def input_schema(tool: Tool[Any]) -> fields.Schema:
    return _untitled(fields.json_schema(tool.input))


def output_schema(tool: Tool[Any]) -> fields.Schema:
    """An object at its root, as MCP wants it: of several Structs, one with the properties of all of
    them."""
    shapes = getattr(tool.output, "__args__", (tool.output,))
    schemas = [_untitled(fields.json_schema(shape)) for shape in shapes]
    names = dict.fromkeys(name for schema in schemas for name in schema["properties"])
    properties = {
        name: _any_of([s["properties"][name] for s in schemas if name in s["properties"]])
        for name in names
    }
    required = [name for name in names if all(name in s.get("required", ()) for s in schemas)]
    definitions = {k: v for schema in schemas for k, v in schema.get("$defs", {}).items()}
    schema = {"type": "object", "properties": properties, "required": required}
    return schema | ({"$defs": definitions} if definitions else {})


def _any_of(schemas: list[fields.Schema]) -> fields.Schema:
    if all(schema == schemas[0] for schema in schemas):
        return schemas[0]
    if all(schema.keys() == {"type", "items"} for schema in schemas):  # arrays, without bounds
        return {"type": "array", "items": _any_of([schema["items"] for schema in schemas])}
    return {"anyOf": schemas}


def _untitled(schema: fields.Schema) -> fields.Schema:
    """Without the name and the docstring of the Struct: tools have names and descriptions."""
    return {key: value for key, value in schema.items() if key not in ("title", "description")}
