"""The tool `event_sessions`, called by the client of the protocol's own SDK, and byte by byte."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import httpx2
import jsonschema
import mcp_types.version
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from api.agents import jsonrpc
from api.agents.mcp import BATCHED, LARGEST_BATCH, LISTED, NEGOTIATED, STATELESS, VERSIONS
from api.agents.tools import TOOLS
from tests.api.agents.asking import Json, nothing_recorded, problem
from tests.api.sessions_now import NEXT_60, NOW, conference, ids, untimed
from tests.product import Product

MODES = ("auto", "legacy", STATELESS)
KEY = "io.modelcontextprotocol/"
HELLO = {
    "protocolVersion": NEGOTIATED[0],
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@pytest.fixture(scope="module")
def event(product: Product) -> str:
    return conference(product)


@pytest.fixture
def ada(product: Product, event: str) -> Iterator[httpx.Client]:
    with product.member(event, "ada") as ada:
        yield ada


# The real client
def talk(product: Product, token: str, mode: str, about: Callable[[Client], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx2.AsyncClient(headers=headers, timeout=10) as http:
            transport = streamable_http_client(f"{product.url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                return await about(client)

    return asyncio.run(within())


def token(product: Product, event: str) -> str:
    return product.token("ada", f"event:{event}:member")


@pytest.mark.parametrize("mode", MODES)
def test_client_finds_the_tool_and_calls_it(product: Product, event: str, mode: str) -> None:
    async def about(client: Client) -> tuple[Any, ...]:
        listed = await client.list_tools()
        called = [
            await client.call_tool("event_sessions", {"eventId": event, "timeWindow": window})
            for window in ("now", "next_60")
        ]
        return client.protocol_version, client.server_capabilities, listed.tools, called

    with nothing_recorded(product):
        version, capabilities, tools, called = talk(product, token(product, event), mode, about)
    assert version == (NEGOTIATED[0] if mode == "legacy" else STATELESS)
    assert (
        capabilities.tools is not None or mode == STATELESS
    )  # who asks nothing first knows nothing
    assert [tool.name for tool in tools] == [tool.name for tool in TOOLS]
    assert tools[0].annotations.read_only_hint
    for answer, window, expected in zip(called, ("now", "next_60"), (NOW, NEXT_60), strict=True):
        assert not answer.is_error
        structured = answer.structured_content
        assert ids(structured["sessions"]) == expected
        assert [json.loads(block.text) for block in answer.content] == [structured]
        with product.member(event, "ada") as ada:
            read = ada.get(f"/api/events/{event}/sessions", params={"window": window}).json()
        assert untimed(structured["sessions"]) == untimed(read["sessions"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"eventId": "evt_nowhere", "timeWindow": "now"}, "There is no event evt_nowhere."),
        (
            {"eventId": None, "timeWindow": "now", "contractorId": "bob"},
            "This is another member's.",
        ),
        ({"eventId": None, "timeWindow": "soon"}, "$.timeWindow: must be one of next_60, now"),
        ({"timeWindow": "now"}, "$: Object missing required field `eventId`"),
        ({"eventId": None, "timeWindow": "now", "limit": 9}, "$: Object contains unknown field"),
    ],
)
def test_what_goes_wrong_is_for_the_model_to_read(
    product: Product, event: str, mode: str, arguments: Json, said: str
) -> None:
    async def about(client: Client) -> Any:
        here = {k: event if k == "eventId" and v is None else v for k, v in arguments.items()}
        return await client.call_tool("event_sessions", here)

    answer = talk(product, token(product, event), mode, about)
    assert answer.is_error
    assert answer.content[0].text.startswith(said)


@pytest.mark.parametrize("mode", MODES)
def test_another_tool_is_not_there(product: Product, event: str, mode: str) -> None:
    async def about(client: Client) -> int:
        with pytest.raises(MCPError) as refused:
            await client.call_tool("drop_tables", {})
        return refused.value.error.code

    assert talk(product, token(product, event), mode, about) == jsonrpc.INVALID_PARAMS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wrong", ["", "no token"])
def test_client_without_a_token_learns_nothing(product: Product, mode: str, wrong: str) -> None:
    async def about(client: Client) -> Any:
        return await client.list_tools()

    with pytest.raises((MCPError, ExceptionGroup)) as refused:
        talk(product, wrong, mode, about)
    (only,) = getattr(refused.value, "exceptions", [refused.value])
    while isinstance(only, ExceptionGroup):
        (only,) = only.exceptions
    assert isinstance(only, MCPError)


def test_versions_are_those_that_the_client_speaks() -> None:
    """But for the first: it was for another transport."""
    assert sorted(VERSIONS) == [*mcp_types.version.KNOWN_PROTOCOL_VERSIONS][1:]


# By HTTP
def post(client: httpx.Client, body: Any, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    accepted = {"Accept": "application/json, text/event-stream"}
    return client.post("/mcp", content=content, headers=accepted | sent)


def request(method: str, id_: Any = 1, **params: Any) -> Json:
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def alone(method: str, version: str = STATELESS, **params: Any) -> Json:
    meta = {KEY + "protocolVersion": version, KEY + "clientCapabilities": {}}
    return request(method, **params, _meta=meta)


def headers(method: str, name: str = "", version: str = STATELESS) -> dict[str, str]:
    named = {"Mcp_Name": name} if name else {}
    return {"MCP_Protocol_Version": version, "Mcp_Method": method} | named


def error(response: httpx.Response, status: int) -> Json:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body: Json = response.json()
    assert body.keys() == {"jsonrpc", "id", "error"}
    said: Json = body["error"]
    return said


def test_who_has_no_token_is_told_what_to_send(product: Product) -> None:
    for sent in ({}, {"Authorization": "Bearer x"}):
        refused = httpx.post(f"{product.url}/mcp", json=request("ping"), headers=sent)
        problem(refused, 401)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_neither_a_stream_nor_a_session(ada: httpx.Client, method: str) -> None:
    refused = ada.request(method, "/mcp", headers={"Accept": "text/event-stream"})
    problem(refused, 405)
    assert refused.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_foreign_page_is_refused_even_with_a_token(ada: httpx.Client, foreign: Json) -> None:
    problem(ada.post("/mcp", json=request("ping"), headers=foreign), 403)
    own = {"Origin": str(ada.base_url).rstrip("/")}
    assert ada.post("/mcp", json=request("ping"), headers=own).json()["result"] == {}


@pytest.mark.parametrize(
    ("wanted", "agreed"),
    [
        *((version, version) for version in NEGOTIATED),
        ("2024-11-05", NEGOTIATED[0]),
        (STATELESS, NEGOTIATED[0]),
    ],
)
def test_version_is_the_one_wanted_where_it_is_spoken(
    ada: httpx.Client, wanted: str, agreed: str
) -> None:
    said = post(ada, request("initialize", **HELLO | {"protocolVersion": wanted})).json()["result"]
    assert said["protocolVersion"] == agreed
    assert said["capabilities"] == {"tools": {}}
    assert said["serverInfo"]["name"] == "rapport"
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    heard = post(ada, done, MCP_Protocol_Version=agreed)
    assert (heard.status_code, heard.content) == (202, b"")
    assert post(ada, request("ping", "p"), MCP_Protocol_Version=agreed).json()["id"] == "p"


@pytest.mark.parametrize("version", ["2024-11-05", "2099-01-01", "x"])
def test_version_that_is_not_spoken_is_refused_with_those_that_are(
    ada: httpx.Client, version: str
) -> None:
    for method in ("ping", "tools/list", "initialize"):
        refused = post(ada, alone(method, version), **headers(method, version=version))
        assert error(refused, 400) == {
            "code": jsonrpc.UNSUPPORTED_VERSION,
            "message": "This version is not spoken here.",
            "data": {"supported": [*VERSIONS], "requested": version},
        }


def test_request_that_says_what_it_speaks_needs_no_hello(ada: httpx.Client, event: str) -> None:
    found = post(ada, alone("server/discover"), **headers("server/discover")).json()["result"]
    assert found["supportedVersions"] == [*VERSIONS]
    listed = post(ada, alone("tools/list"), **headers("tools/list")).json()["result"]
    assert listed["tools"] == LISTED
    arguments = {"eventId": event, "timeWindow": "now"}
    body = alone("tools/call", name="event_sessions", arguments=arguments)
    plain = post(ada, body, **headers("tools/call", "event_sessions")).json()["result"]
    encoded = f"=?base64?{base64.b64encode(b'event_sessions').decode()}?="
    assert post(ada, body, **headers("tools/call", encoded)).json()["result"] == plain
    for result in (found, listed, plain):
        assert result["resultType"] == "complete"
        assert result["_meta"][KEY + "serverInfo"]["name"] == "rapport"
    assert all(result["ttlMs"] and result["cacheScope"] == "public" for result in (found, listed))
    for method in ("initialize", "ping", "resources/list"):
        refused = error(post(ada, alone(method), **headers(method)), 404)
        assert refused["code"] == jsonrpc.METHOD_NOT_FOUND
    heard = post(ada, {"jsonrpc": "2.0", "method": "notifications/cancelled"}, **headers("x"))
    assert heard.status_code == 202


LIST, CALL = alone("tools/list"), alone("tools/call", name="event_sessions", arguments={})


@pytest.mark.parametrize(
    ("body", "sent", "code"),
    [
        (LIST, {}, jsonrpc.HEADER_MISMATCH),
        (LIST, {"MCP_Protocol_Version": STATELESS}, jsonrpc.HEADER_MISMATCH),
        (LIST, headers("tools/list", version=NEGOTIATED[0]), jsonrpc.HEADER_MISMATCH),
        (LIST, headers("tools/call"), jsonrpc.HEADER_MISMATCH),
        (CALL, headers("tools/call"), jsonrpc.HEADER_MISMATCH),
        (CALL, headers("tools/call", "another"), jsonrpc.HEADER_MISMATCH),
        (CALL, headers("tools/call", "=?base64?!?="), jsonrpc.HEADER_MISMATCH),
        (CALL, headers("tools/call", "=?base64?/w==?="), jsonrpc.HEADER_MISMATCH),
        (request("tools/list"), headers("tools/list"), jsonrpc.INVALID_PARAMS),
        (request("tools/list", _meta=1), headers("tools/list"), jsonrpc.INVALID_PARAMS),
        ([LIST], headers("tools/list"), jsonrpc.INVALID_REQUEST),
    ],
)
def test_headers_must_say_what_the_body_says(
    ada: httpx.Client, body: Any, sent: dict[str, str], code: int
) -> None:
    assert error(post(ada, body, **sent), 400)["code"] == code


def test_header_that_comes_twice_is_refused(ada: httpx.Client) -> None:
    twice = [("MCP-Protocol-Version", STATELESS), ("MCP-Protocol-Version", BATCHED)]
    refused = ada.post("/mcp", json=LIST, headers=twice)
    assert error(refused, 400)["code"] == jsonrpc.HEADER_MISMATCH


def test_batch_is_answered_one_by_one_where_the_version_has_them(ada: httpx.Client) -> None:
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    batch = [request("ping", 1), done, {"jsonrpc": "2.0", "id": 2}, request("x", 3)]
    first, broken, unknown = post(ada, batch).json()
    assert first == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert (broken["id"], broken["error"]["code"]) == (None, jsonrpc.INVALID_REQUEST)
    assert (unknown["id"], unknown["error"]["code"]) == (3, jsonrpc.METHOD_NOT_FOUND)
    assert post(ada, [done]).status_code == 202
    for wrong in ([], [done] * (LARGEST_BATCH + 1)):
        assert error(post(ada, wrong), 400)["code"] == jsonrpc.INVALID_REQUEST
    newer = post(ada, batch, MCP_Protocol_Version=NEGOTIATED[0])
    assert error(newer, 400)["code"] == jsonrpc.INVALID_REQUEST


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", jsonrpc.PARSE_ERROR),
        (b"{", jsonrpc.PARSE_ERROR),
        (b"[" * 100_000, jsonrpc.PARSE_ERROR),
        (b"\xff", jsonrpc.PARSE_ERROR),
        (b"1", jsonrpc.INVALID_REQUEST),
        ({"method": "ping", "id": 1}, jsonrpc.INVALID_REQUEST),
        (request("ping", None), jsonrpc.INVALID_REQUEST),
        (request("ping", [1]), jsonrpc.INVALID_REQUEST),
    ],
)
def test_what_is_no_message_is_refused(ada: httpx.Client, body: Any, code: int) -> None:
    assert error(post(ada, body), 400)["code"] == code


def test_schemas_are_schemas_that_agents_can_read() -> None:
    for schema in (s for tool in LISTED for s in (tool["inputSchema"], tool["outputSchema"])):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert "(?" not in json.dumps(schema)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "arguments", "_meta", "cursor"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
methods = st.sampled_from(["initialize", "tools/list", "tools/call", "server/discover", "x"])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=anything
    | st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0")},
        optional={"id": anything, "method": methods | anything, "params": anything},
    ),
    version=st.sampled_from(VERSIONS),
    method=methods,
)
def test_whatever_is_sent_is_answered(
    ada: httpx.Client, body: Any, version: str, method: str
) -> None:
    answer = post(ada, body, **headers(method, version=version))
    assert answer.status_code in (200, 202, 400, 404)
