"""The tool `event_sessions` for agents elsewhere: Model Context Protocol by Streamable HTTP.

Of the protocol this is what a server needs that has one tool and keeps no sessions: every POST is
answered by itself, as JSON. Since 2026-07-28 every request says which version it speaks; before,
clients agreed on one first. https://modelcontextprotocol.io/specification/2026-07-28
"""

import base64
import logging
import re
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from msgspec import Meta, Struct
from psycopg import OperationalError

from api.agents import jsonrpc
from api.agents.concierge import TOOL, TOOL_IS_FOR, Wanted, event_sessions
from api.agents.jsonrpc import Json, Message, Wrong
from api.http import fields
from api.http.wording import wrong
from api.identity.tokens import check_origin
from api.services import Request
from domain.errors import Invalid, Problem, Unavailable
from projections.sessions.questions import SessionNow, SessionSoon

log = logging.getLogger(__name__)

ALONE = "2026-07-28"
BATCHES = "2025-03-26"  # the one version that has them, and that of clients which name none
AGREED = ("2025-11-25", "2025-06-18", BATCHES)  # the newest first
VERSIONS = (ALONE, *AGREED)
LARGEST_BATCH = 20

KEY = "io.modelcontextprotocol/"
SERVER = {"name": "rapport", "title": "Rapport", "version": "0.1.0"}
INSTRUCTIONS = f"Ask {TOOL} what a member of an event should attend."
CACHED = {"ttlMs": 300_000, "cacheScope": "public"}  # the same for everybody, until a release
STATUSES = {jsonrpc.METHOD_NOT_FOUND: 404, jsonrpc.INTERNAL_ERROR: 500}


def _output() -> Json:
    either, shapes_of = msgspec.json.schema_components(
        [SessionNow, SessionSoon], ref_template="#/$defs/{name}"
    )
    sessions = {"type": "array", "items": {"anyOf": [*either]}}
    return {
        "type": "object",
        "properties": {"sessions": sessions},
        "required": ["sessions"],
        "$defs": shapes_of,
    }


DESCRIPTION = {
    "name": TOOL,
    "title": "What to attend",
    "description": TOOL_IS_FOR,
    "inputSchema": fields.json_schema(Wanted),
    "outputSchema": _output(),
    "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
}


# What methods take
class Hello(Struct, frozen=True, rename="camel"):
    protocol_version: str
    capabilities: Json
    client_info: Json


class Page(Struct, frozen=True):
    """There is one page, so that nobody can have the cursor of another."""

    cursor: None = None


class ToolCall(Struct, frozen=True):
    name: Annotated[str, Meta(max_length=128)]
    arguments: Json = {}


@post("/mcp", status_code=200, include_in_schema=False)
async def post_mcp(request: Request) -> Response[Any]:
    check_origin(request)
    try:
        given = jsonrpc.read(await request.body())
        version = _version(request)
        if isinstance(given, list):
            return _answer(await _batch(request, given, version))
        heard = jsonrpc.message(given)
    except Wrong as e:
        return _answer(jsonrpc.error(e), 400)
    if version == ALONE or KEY + "protocolVersion" in _meta(heard):
        return await _alone(request, heard)
    return _answer(await _agreed(request, heard))


def _version(request: Request) -> str:
    named = _header(request, "MCP-Protocol-Version") or BATCHES
    if named not in VERSIONS:
        data = {"supported": [*VERSIONS], "requested": named[:64]}
        raise Wrong(jsonrpc.UNSUPPORTED_VERSION, "This version is not spoken here.", data)
    return named


def _header(request: Request, name: str) -> str | None:
    try:
        return request.single(name)
    except Invalid:
        raise Wrong(jsonrpc.HEADER_MISMATCH, f"{name} came more than once.") from None


# A request that says by itself what it speaks
async def _alone(request: Request, heard: Message) -> Response[Any]:
    if not heard.wants_answer:
        return _answer(None)
    try:
        _check_envelope(request, heard)
        result = await _result_alone(request, heard)
    except Wrong as e:
        return _answer(jsonrpc.error(e, heard), STATUSES.get(e.code, 400))
    stamped = {"resultType": "complete", "_meta": {KEY + "serverInfo": SERVER}}
    return _answer(jsonrpc.answer(heard, result | stamped))


def _check_envelope(request: Request, heard: Message) -> None:
    """What stands between here and there may have gone by the headers alone."""
    meta, version = _meta(heard), _header(request, "MCP-Protocol-Version")
    for name in ("protocolVersion", "clientCapabilities"):
        if KEY + name not in meta:
            raise Wrong(jsonrpc.INVALID_PARAMS, f"params._meta has no {KEY}{name}.")
    called = heard.params.get("name") if heard.method == "tools/call" else None
    for header, value, said in (
        ("MCP-Protocol-Version", version, meta[KEY + "protocolVersion"]),
        ("Mcp-Method", _header(request, "Mcp-Method"), heard.method),
        ("Mcp-Name", _plain(_header(request, "Mcp-Name")) if called else None, called),
    ):
        if value != said:
            raise Wrong(jsonrpc.HEADER_MISMATCH, f"{header} is not what the body says.")


def _plain(header: str | None) -> str | None:
    """What is not plain ASCII comes in base64."""
    encoded = re.fullmatch(r"=\?base64\?(.*)\?=", header or "")
    if not encoded:
        return header
    try:
        return base64.b64decode(encoded[1], validate=True).decode()
    except ValueError:
        return None


def _meta(heard: Message) -> Json:
    meta = heard.params.get("_meta") if isinstance(heard.params, dict) else None
    return meta if isinstance(meta, dict) else {}


async def _result_alone(request: Request, heard: Message) -> Json:
    match heard.method:
        case "server/discover":
            found = {"supportedVersions": [*VERSIONS], "capabilities": {"tools": {}}}
            return found | {"instructions": INSTRUCTIONS} | CACHED
        case "tools/list":
            return _tools(heard) | CACHED
    return await _result(request, heard)


# Those who have agreed on a version
async def _batch(request: Request, given: list[Any], version: str) -> list[Json] | None:
    if version != BATCHES or not 0 < len(given) <= LARGEST_BATCH:
        only = f"A batch has 1-{LARGEST_BATCH} messages, in {BATCHES} only."
        raise Wrong(jsonrpc.INVALID_REQUEST, only)
    answers = [await _one_of_many(request, each) for each in given]
    return [each for each in answers if each is not None] or None


async def _one_of_many(request: Request, given: Any) -> Json | None:
    try:
        return await _agreed(request, jsonrpc.message(given))
    except Wrong as e:
        return jsonrpc.error(e)


async def _agreed(request: Request, heard: Message) -> Json | None:
    """The answer, and for what wants none: None."""
    if not heard.wants_answer:
        return None
    try:
        return jsonrpc.answer(heard, await _result_agreed(request, heard))
    except Wrong as e:
        return jsonrpc.error(e, heard)


async def _result_agreed(request: Request, heard: Message) -> Json:
    match heard.method:
        case "initialize":
            return _welcome(jsonrpc.params(heard, Hello))
        case "ping":
            return {}
        case "tools/list":
            return _tools(heard)
    return await _result(request, heard)


def _welcome(hello: Hello) -> Json:
    wanted = hello.protocol_version
    return {
        "protocolVersion": wanted if wanted in AGREED else AGREED[0],
        "capabilities": {"tools": {}},
        "serverInfo": SERVER,
        "instructions": INSTRUCTIONS,
    }


# What all speak
def _tools(heard: Message) -> Json:
    jsonrpc.params(heard, Page)
    return {"tools": [DESCRIPTION]}


async def _result(request: Request, heard: Message) -> Json:
    if heard.method != "tools/call":
        raise Wrong(jsonrpc.METHOD_NOT_FOUND, "There is no such method here.")
    call = jsonrpc.params(heard, ToolCall)
    if call.name != TOOL:
        raise Wrong(jsonrpc.INVALID_PARAMS, f"There is no such tool here, only {TOOL}.")
    return await _called(request, call.arguments)


async def _called(request: Request, arguments: Json) -> Json:
    """What went wrong with the tool is for the model to read: it may call again."""
    try:
        found, _ = await event_sessions(request, _wanted(arguments))
    except Problem as e:
        return _said(e.detail, isError=True)
    except OperationalError as e:
        log.warning("POST /mcp: the store is away: %s", e)
        return _said(Unavailable().detail, isError=True)
    except Exception as e:
        log.exception("POST /mcp broke")
        raise Wrong(jsonrpc.INTERNAL_ERROR, "Something broke here. It has been noted.") from e
    text = msgspec.json.encode(found)
    return _said(text.decode(), isError=False, structuredContent=msgspec.Raw(text))


def _wanted(arguments: Json) -> Wanted:
    try:
        return msgspec.convert(arguments, Wanted)
    except msgspec.ValidationError as e:
        raise Invalid("", wrong(str(e), Wanted)) from None


def _said(text: str, **more: Any) -> Json:
    return {"content": [{"type": "text", "text": text}]} | more


def _answer(content: Any, status: int = 200) -> Response[Any]:
    """202: all of it was heard, and none of it wants an answer."""
    headers = {"Cache-Control": "no-store"}
    if content is None:
        return Response(b"", status_code=202, headers=headers)
    return Response(content, status_code=status, headers=headers, media_type="application/json")


ROUTES: Any = (post_mcp,)
