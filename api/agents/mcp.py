"""The tools for agents elsewhere: Model Context Protocol over Streamable HTTP.

This is the part of the protocol that a server needs which has tools and keeps no sessions: every
POST is answered at once, as JSON. Since 2026-07-28 every request names its version; before,
clients negotiated one with `initialize`. https://modelcontextprotocol.io/specification/2026-07-28
"""

import base64
import logging
import re
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from msgspec import Meta, Struct

from api.agents import jsonrpc
from api.agents.jsonrpc import Json, Message, RpcError
from api.agents.tool import Tool, call, input_schema, output_schema
from api.agents.tools import TOOLS
from api.http.origin import check_origin
from api.http.request import converted
from api.services import Request
from domain.errors import Invalid, Problem

log = logging.getLogger(__name__)

STATELESS = "2026-07-28"  # every request says by itself which version it is of
BATCHED = "2025-03-26"  # the only version with batches; clients that name no version mean it
NEGOTIATED = ("2025-11-25", "2025-06-18", BATCHED)  # the newest first
VERSIONS = (STATELESS, *NEGOTIATED)
LARGEST_BATCH = 20  # messages

KEY = "io.modelcontextprotocol/"
SERVER = {"name": "rapport", "title": "Rapport", "version": "0.1.0"}
INSTRUCTIONS = " ".join(tool.usage for tool in TOOLS)
CACHED = {"ttlMs": 300_000, "cacheScope": "public"}  # the same for everybody, until a release
STATUSES = {jsonrpc.METHOD_NOT_FOUND: 404, jsonrpc.INTERNAL_ERROR: 500}


def described(tool: Tool[Any]) -> Json:
    hints = {"readOnlyHint": tool.reads, "idempotentHint": True, "openWorldHint": False}
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": input_schema(tool),
        "outputSchema": output_schema(tool),
        "annotations": hints,
    }


LISTED = [described(tool) for tool in TOOLS]
NAMED = {tool.name: tool for tool in TOOLS}


# Parameters of methods
class InitializeParams(Struct, frozen=True, rename="camel"):
    protocol_version: str
    capabilities: Json
    client_info: Json


class ListParams(Struct, frozen=True):
    """Refuses every cursor: all tools are on one page."""

    cursor: None = None


class CallParams(Struct, frozen=True):
    name: Annotated[str, Meta(max_length=128)]
    arguments: Json = {}


@post("/mcp", status_code=200, include_in_schema=False)
async def post_mcp(request: Request) -> Response[Any]:
    check_origin(request)
    try:
        body = jsonrpc.parse(await request.body())
        version = _version(request)
        if isinstance(body, list):
            return _answer(await _batch(request, body, version))
        message = jsonrpc.message(body)
    except RpcError as e:
        return _answer(jsonrpc.error_response(e), 400)
    if version == STATELESS or KEY + "protocolVersion" in _meta(message):
        return await _stateless(request, message)
    return _answer(await _negotiated(request, message))


def _version(request: Request) -> str:
    named = _header(request, "MCP-Protocol-Version") or BATCHED
    if named not in VERSIONS:
        data = {"supported": [*VERSIONS], "requested": named[:64]}
        raise RpcError(jsonrpc.UNSUPPORTED_VERSION, "This version is not spoken here.", data)
    return named


def _header(request: Request, name: str) -> str | None:
    try:
        return request.single(name)
    except Invalid:
        raise RpcError(jsonrpc.HEADER_MISMATCH, f"{name} came more than once.") from None


# Versions in which each request stands alone
async def _stateless(request: Request, message: Message) -> Response[Any]:
    if not message.is_request:
        return _answer(None)
    try:
        _check_headers(request, message)
        result = await _stateless_result(request, message)
    except RpcError as e:
        return _answer(jsonrpc.error_response(e, message), STATUSES.get(e.code, 400))
    stamped = {"resultType": "complete", "_meta": {KEY + "serverInfo": SERVER}}
    return _answer(jsonrpc.response(message, result | stamped))


def _check_headers(request: Request, message: Message) -> None:
    """The headers repeat what the body says. A proxy may have routed by them alone, so a request
    in which they differ is refused."""
    meta, version = _meta(message), _header(request, "MCP-Protocol-Version")
    for name in ("protocolVersion", "clientCapabilities"):
        if KEY + name not in meta:
            raise RpcError(jsonrpc.INVALID_PARAMS, f"params._meta has no {KEY}{name}.")
    called = message.params.get("name") if message.method == "tools/call" else None
    for header, value, in_body in (
        ("MCP-Protocol-Version", version, meta[KEY + "protocolVersion"]),
        ("Mcp-Method", _header(request, "Mcp-Method"), message.method),
        ("Mcp-Name", _plain(_header(request, "Mcp-Name")) if called else None, called),
    ):
        if value != in_body:
            raise RpcError(jsonrpc.HEADER_MISMATCH, f"{header} is not what the body says.")


def _plain(header: str | None) -> str | None:
    """The value of a header that is in base64 if it is not plain ASCII; None if it is neither."""
    encoded = re.fullmatch(r"=\?base64\?(.*)\?=", header or "")
    if not encoded:
        return header
    try:
        return base64.b64decode(encoded[1], validate=True).decode()
    except ValueError:
        return None


def _meta(message: Message) -> Json:
    meta = message.params.get("_meta") if isinstance(message.params, dict) else None
    return meta if isinstance(meta, dict) else {}


async def _stateless_result(request: Request, message: Message) -> Json:
    match message.method:
        case "server/discover":
            found = {"supportedVersions": [*VERSIONS], "capabilities": {"tools": {}}}
            return found | {"instructions": INSTRUCTIONS} | CACHED
        case "tools/list":
            return _list(message) | CACHED
    return await _call(request, message)


# Versions that are negotiated first
async def _batch(request: Request, body: list[Any], version: str) -> list[Json] | None:
    if version != BATCHED or not 0 < len(body) <= LARGEST_BATCH:
        only = f"A batch has 1-{LARGEST_BATCH} messages, in {BATCHED} only."
        raise RpcError(jsonrpc.INVALID_REQUEST, only)
    answers = [await _one_of_batch(request, value) for value in body]
    return [answer for answer in answers if answer is not None] or None


async def _one_of_batch(request: Request, value: Any) -> Json | None:
    try:
        return await _negotiated(request, jsonrpc.message(value))
    except RpcError as e:
        return jsonrpc.error_response(e)


async def _negotiated(request: Request, message: Message) -> Json | None:
    """The response to a request; None for notifications and responses."""
    if not message.is_request:
        return None
    try:
        return jsonrpc.response(message, await _negotiated_result(request, message))
    except RpcError as e:
        return jsonrpc.error_response(e, message)


async def _negotiated_result(request: Request, message: Message) -> Json:
    match message.method:
        case "initialize":
            return _initialize(jsonrpc.params(message, InitializeParams))
        case "ping":
            return {}
        case "tools/list":
            return _list(message)
    return await _call(request, message)


def _initialize(params: InitializeParams) -> Json:
    version = params.protocol_version
    return {
        "protocolVersion": version if version in NEGOTIATED else NEGOTIATED[0],
        "capabilities": {"tools": {}},
        "serverInfo": SERVER,
        "instructions": INSTRUCTIONS,
    }


# All versions
def _list(message: Message) -> Json:
    jsonrpc.params(message, ListParams)
    return {"tools": LISTED}


async def _call(request: Request, message: Message) -> Json:
    if message.method != "tools/call":
        raise RpcError(jsonrpc.METHOD_NOT_FOUND, "There is no such method here.")
    params = jsonrpc.params(message, CallParams)
    if params.name not in NAMED:
        only = f"There is no such tool here, only {', '.join(NAMED)}."
        raise RpcError(jsonrpc.INVALID_PARAMS, only)
    return await _result(request, NAMED[params.name], params.arguments)


async def _result(request: Request, tool: Tool[Any], arguments: Json) -> Json:
    """A refusal is a result too: the model reads it, and may call again."""
    try:
        answer, _ = await call(request, tool, converted(arguments, tool.input))
    except Problem as e:
        return _content(e.detail, isError=True)
    except Exception as e:
        log.exception("POST /mcp broke")
        raise RpcError(jsonrpc.INTERNAL_ERROR, "Something broke here. It has been noted.") from e
    text = msgspec.json.encode(answer)
    return _content(text.decode(), isError=False, structuredContent=msgspec.Raw(text))


def _content(text: str, **more: Any) -> Json:
    return {"content": [{"type": "text", "text": text}]} | more


def _answer(content: Any, status: int = 200) -> Response[Any]:
    """202 where nothing in the body was a request."""
    headers = {"Cache-Control": "no-store"}
    if content is None:
        return Response(b"", status_code=202, headers=headers)
    return Response(content, status_code=status, headers=headers, media_type="application/json")


ROUTES: Any = (post_mcp,)
