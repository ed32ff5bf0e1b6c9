"""The law of tools: by HTTP, by MCP and to the concierge's model each is the same."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.agents.functions import BROKEN, FIXED
from api.agents.tool import PATH
from api.agents.tools import TOOLS
from tests.api.agents.asking import Json, nothing_recorded, problem
from tests.api.agents.toy_tools import ECHO, PROBLEMS, STAR
from tests.api.sessions_now import conference
from tests.model_server import ModelServer, calls, in_turn, model_server, says, told
from tests.product import Product
from workers.servers.processes import until

READING = [tool for tool in (*TOOLS, ECHO, STAR) if tool.reads]
LOOKAHEAD = r"(?![\s\S])"


class WithToys(Product):
    """An API process of its own, with a model."""

    def start_api(self) -> None:
        self.api = self._spawn("api", "-m", "tests.api.agents.toy_tools", "serve")
        assert until(self._answers, 20), self.log("api")


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture(scope="module")
def toys(
    product: Product, server: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    other = WithToys(
        product.database_url,
        product.nats_url,
        tmp_path_factory.mktemp("toys"),
        OPENAI_API_KEY="sk-key",
        OPENAI_BASE_URL=server.url,
    )
    other.start_api()
    yield other
    other.stop_api()


@pytest.fixture(scope="module")
def event(product: Product) -> str:
    event = conference(product)
    product.attendee(event, "cyd", focus_areas=["AI"], offers=["Tea"])
    product.attendee(event, "hid", focus_areas=["AI"], visibility="hidden")
    with product.member(event, "cyd") as cyd:
        starts = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        ask = {"with": "ada", "minutes": 30, "proposals": [starts], "note": "Tea?"}
        cyd.post(f"/api/events/{event}/syncs", json=ask).raise_for_status()
    return event


@pytest.fixture(scope="module")
def ada(toys: Product, event: str) -> Iterator[httpx.Client]:
    with toys.member(event, "ada") as ada:
        yield ada


@pytest.fixture(scope="module")
def eve(toys: Product, event: str) -> Iterator[httpx.Client]:
    with toys.client("eve", f"event:{event}:organizer") as eve:
        yield eve


# The same call, three ways
def by_http(client: httpx.Client, name: str, given: Json) -> Json:
    answer = client.post(f"{PATH}/{name.replace('_', '-')}", json=given)
    if answer.status_code == 200:
        return {"answer": timeless(answer.json())}
    return {"refused": problem(answer, answer.status_code)["detail"]}


def rpc(client: httpx.Client, method: str, **params: Any) -> Json:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer: Json = client.post("/mcp", json=message).raise_for_status().json()
    return answer


def by_mcp(client: httpx.Client, name: str, given: Json) -> Json:
    result = rpc(client, "tools/call", name=name, arguments=given)["result"]
    (content,) = result["content"]
    if result["isError"]:
        return {"refused": content["text"]}
    assert json.loads(content["text"]) == result["structuredContent"]
    return {"answer": timeless(result["structuredContent"])}


def by_model(client: httpx.Client, server: ModelServer, event: str, name: str, given: Json) -> Json:
    server.heard.clear()
    server.replies = in_turn([calls(json.dumps(given), name=name), says("Done.")])
    asked = client.post(f"{PATH}/ask", json={"eventId": event, "question": "What?"})
    assert asked.raise_for_status().json()["written_by"] == "model"
    (said,) = told(server.heard[-1])
    return {"refused": said["error"]} if said.keys() == {"error"} else {"answer": timeless(said)}


def timeless(answer: Json) -> Json:
    """The answer without fields that change with time or are shortened for a model."""
    sessions = ("session_id", "session_title", "speaker_name", "focus_areas")
    kept = {
        "sessions": sessions,
        "attendees": ("member_id", "match_score", "reasons"),
        "syncs": ("sync_id", "from", "note", "status"),
    }
    return {
        name: [{k: one[k] for k in kept[name]} for one in value] if name in kept else value
        for name, value in answer.items()
    }


words = st.sampled_from([*sorted(PROBLEMS.keys() - {"broken"}), "a", "", "x" * 13]) | st.text()
chosen = st.fixed_dictionaries(
    {},
    optional={
        "timeWindow": st.sampled_from(["now", "next_60", "later", None, 1]),
        "text": words | st.integers(),
        "times": st.integers(-1, 4) | st.sampled_from([2.0, 2.5, "2", None]),
        "limit": st.just(1),
    },
)
valid = st.sampled_from([{"timeWindow": "now"}, {"timeWindow": "next_60"}]) | st.builds(
    lambda text, times: {"text": text, "times": times}, words, st.integers(0, 3)
)
fixed = st.fixed_dictionaries(
    {},
    optional={
        "contractorId": st.sampled_from(["me", "ada", "Me", "bob", 5, 5.0, 1.5, "", None]),
        "eventId": st.sampled_from(["evt_nowhere", "an event", 7, None]),
    },
)
law = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@law
@given(st.sampled_from(READING), valid | chosen, fixed)
def test_agents_elsewhere_hear_what_http_says(
    ada: httpx.Client, event: str, tool: Any, chosen: Json, fixed: Json
) -> None:
    given = {"eventId": event} | chosen | fixed
    assert by_mcp(ada, tool.name, given) == by_http(ada, tool.name, given)


@law
@given(st.sampled_from(READING), valid | chosen)
def test_model_of_the_concierge_hears_what_http_says(
    ada: httpx.Client, server: ModelServer, event: str, tool: Any, chosen: Json
) -> None:
    heard = by_model(ada, server, event, tool.name, chosen)
    assert heard == by_http(ada, tool.name, {"eventId": event} | chosen)


@pytest.mark.parametrize("name", sorted(FIXED))
def test_model_chooses_neither_the_event_nor_the_member(
    ada: httpx.Client, server: ModelServer, event: str, name: str
) -> None:
    given = {"text": "a", name: event if name == "eventId" else "ada"}
    refused = {"refused": f"$: Object contains unknown field `{name}`"}
    assert by_model(ada, server, event, "echo_text", given) == refused


def test_bug_in_a_tool_is_not_told_to_anybody(
    toys: Product, ada: httpx.Client, server: ModelServer, event: str
) -> None:
    given = {"text": "broken"}
    assert by_model(ada, server, event, "echo_text", given) == {"refused": BROKEN}
    given |= {"eventId": event}
    assert "a bug" not in by_http(ada, "echo_text", given)["refused"]
    error = rpc(ada, "tools/call", name="echo_text", arguments=given)["error"]
    assert error == {"code": -32603, "message": BROKEN}
    assert toys.log("api").count("RuntimeError: a bug") == 3


# The same schema
def test_every_tool_is_there_by_one_entry_with_one_schema(
    toys: Product, ada: httpx.Client, server: ModelServer, event: str
) -> None:
    openapi = httpx.get(f"{toys.url}/schema/openapi.json").json()
    listed = {tool["name"]: tool for tool in rpc(ada, "tools/list")["result"]["tools"]}
    by_model(ada, server, event, "echo_text", {"text": "a"})
    functions = {f["name"]: f for f in (t["function"] for t in server.heard[0]["tools"])}

    names = [tool.name for tool in (*TOOLS, ECHO, STAR)]
    assert [*listed] == names
    assert [*functions] == [name for name in names if name != "star_for"]
    paths = [path for path in openapi["paths"] if path.startswith(PATH)]
    assert paths == [f"{PATH}/{name.replace('_', '-')}" for name in names] + [f"{PATH}/ask"]
    for path, name in zip(paths, names, strict=False):
        body = openapi["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        component = openapi["components"]["schemas"][body["schema"]["$ref"].split("/")[-1]]
        by_post = json.loads(json.dumps(component).replace(json.dumps(LOOKAHEAD)[1:-1], "$"))
        schema = listed[name]["inputSchema"]
        assert {k: v for k, v in by_post.items() if k not in ("title", "description")} == schema
        if name in functions:
            assert functions[name]["parameters"] == schema | {
                "properties": {k: v for k, v in schema["properties"].items() if k not in FIXED},
                "required": [k for k in schema["required"] if k not in FIXED],
            }
            assert functions[name]["description"] == listed[name]["description"]


def test_instructions_say_what_each_tool_is_for(ada: httpx.Client) -> None:
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    said = rpc(ada, "initialize", **params)["result"]["instructions"]
    assert said == " ".join(tool.usage for tool in (*TOOLS, ECHO, STAR))


# A tool that changes something
def test_command_is_the_same_by_http_and_by_mcp(
    product: Product, toys: Product, event: str, eve: httpx.Client, ada: httpx.Client
) -> None:
    hints = {
        tool["name"]: tool["annotations"] for tool in rpc(eve, "tools/list")["result"]["tools"]
    }
    assert not hints["star_for"]["readOnlyHint"]
    assert hints["echo_text"]["readOnlyHint"]
    given = {"eventId": event, "contractorId": "zoe", "sessionId": "ai"}
    first = by_http(eve, "star_for", given)
    assert first == {"answer": {"session_id": "ai", "stars": 1}}
    with nothing_recorded(product):
        assert by_mcp(eve, "star_for", given) == first
        for wrong in ({"sessionId": "nowhere"}, {"sessionId": ""}, {"eventId": "evt_nowhere"}):
            refused = by_http(eve, "star_for", given | wrong)
            assert refused.keys() == {"refused"}
            assert by_mcp(eve, "star_for", given | wrong) == refused
        refused = by_http(ada, "star_for", given)
        assert by_mcp(ada, "star_for", given) == refused
        assert refused == {"refused": "This token has another role at this event."}
    agenda = eve.get(f"/api/events/{event}/agenda", params={"member_id": "zoe"}).json()
    assert [session["session_id"] for session in agenda["sessions"]] == ["ai"]


def test_command_answers_with_its_position_and_its_key_is_kept(
    event: str, eve: httpx.Client
) -> None:
    given = {"eventId": event, "contractorId": "yan", "sessionId": "ai"}
    key = {"Idempotency-Key": "once"}
    first, again = (eve.post(f"{PATH}/star-for", json=given, headers=key) for _ in range(2))
    assert int(first.headers["Event-Position"]) > 0
    (cookie,) = first.headers.get_list("Set-Cookie")
    assert cookie.startswith(f"min-position={first.headers['Event-Position']}; HttpOnly;")
    assert again.content == first.content
    other = eve.post(f"{PATH}/star-for", json=given | {"sessionId": "web"}, headers=key)
    problem(other, 409)


def test_key_of_a_batch_stands_for_none_of_its_calls(event: str, eve: httpx.Client) -> None:
    def star(id_: int, session_id: str) -> Json:
        given = {"eventId": event, "contractorId": "xia", "sessionId": session_id}
        params = {"name": "star_for", "arguments": given}
        return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params}

    batch = [star(1, "ai"), star(2, "web")]
    answers = eve.post("/mcp", json=batch, headers={"Idempotency-Key": "both"}).json()
    counted = [answer["result"]["structuredContent"]["stars"] for answer in answers]
    assert counted == [1, 2]
