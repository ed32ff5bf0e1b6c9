"""The model elsewhere: what it is told, and everything it may do instead of answering."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model_server import ModelServer, Reply, calls, in_turn, model_server, says, told
from workers.model import (
    CONCURRENCY,
    DEFAULT_MODEL,
    LONGEST,
    MOST_CALLS,
    MOST_REPLIES,
    Failed,
    Function,
    Model,
)
from workers.settings import Settings

KEY = "sk-a-key-that-nobody-may-see"


async def look(arguments: str) -> bytes:
    return b'{"seen": %d}' % msgspec.json.decode(arguments, type=int)


FUNCTIONS = [Function("look", "Looks.", {"type": "object"}, look)]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


def ask(url: str, timeout: float = 20, key: str = KEY, named: str | None = None) -> str:
    async def asked(model: Model) -> str:
        return await model.answer("ada", "Be kind.", "What is on?", FUNCTIONS)

    return run(asked, url, timeout, key, named)


def run(
    talk: Callable[[Model], Awaitable[Any]],
    url: str,
    timeout: float = 20,
    key: str = KEY,
    named: str | None = None,
) -> Any:
    async def within() -> Any:
        settings = Settings(openai_api_key=key, openai_base_url=url, openai_model=named)
        model = Model(settings, timeout)
        try:
            return await talk(model)
        finally:
            await model.close()

    return asyncio.run(within())


def why(url: str, **more: Any) -> str:
    with pytest.raises(Failed) as failed:
        ask(url, **more)
    return str(failed.value)


def test_there_is_a_model_where_there_is_a_key() -> None:
    assert not Model(Settings(openai_base_url="http://127.0.0.1:1"))
    assert Model(Settings(openai_api_key=KEY))


@pytest.mark.parametrize(("named", "asked"), [(None, DEFAULT_MODEL), ("llama", "llama")])
def test_model_answers_from_what_it_looked_up(
    server: ModelServer, named: str | None, asked: str
) -> None:
    server.replies = in_turn([calls("1", "2", name="look"), says(" Go to Hall 1. ")])
    assert ask(server.url, named=named) == "Go to Hall 1."
    first, second = server.heard
    assert [body["model"] for body in server.heard] == [asked, asked]
    assert server.keys == {f"Bearer {KEY}"}
    assert first["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in first["tools"]] == ["look"]
    assert first["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "What is on?"},
    ]
    assert told(second) == [{"seen": 1}, {"seen": 2}]
    assert [m.get("tool_call_id") for m in second["messages"][3:]] == ["call_0", "call_1"]


@pytest.mark.parametrize(
    ("wrong", "told_of_it"),
    [
        (calls("one", name="look"), "JSON is malformed"),
        (calls('"1"', name="look"), "Expected `int`, got `str`"),
        (calls("1", name="drop_tables"), "There is no tool of this name, only look."),
    ],
)
def test_wrong_call_is_told_to_the_model_which_may_call_again(
    server: ModelServer, wrong: Reply, told_of_it: str
) -> None:
    server.replies = in_turn([wrong, calls("7", name="look"), says("Go.")])
    assert ask(server.url) == "Go."
    error, seen = told(server.heard[-1])
    assert told_of_it in error["error"]
    assert seen == {"seen": 7}


MUCH = calls(*["1"] * (MOST_CALLS + 1), name="look")
NO_ANSWER = "What the model's server said is no answer."


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([Reply(429, b'{"error": {"message": "%s"}}' % KEY.encode())], "answered 429."),
        ([Reply(401, KEY.encode())], "The model's server answered 401."),
        ([Reply(500, b"")], "The model's server answered 500."),
        ([calls("1", name="look"), Reply(503, b"<html>")], "The model's server answered 503."),
        ([Reply(200, b"<html>")], NO_ANSWER),
        ([Reply(200, b"")], NO_ANSWER),
        ([Reply(200, b'{"choices": []}')], NO_ANSWER),
        ([Reply(200, b'{"choices": [{"message": {"content": 5}}]}')], NO_ANSWER),
        ([Reply(200, b'{"choices": [{"message": {"content": "\\ud800"}}]}')], NO_ANSWER),
        ([Reply(200, b'{"choices": ' + b"[" * 100_000)], NO_ANSWER),
        ([Reply(200, b"\xff\xfe")], NO_ANSWER),
        ([says("Go anywhere.")], "The model answered without having looked."),
        ([calls("1", name="look"), says("")], "The model had nothing to say."),
        ([calls("1", name="look"), says(None)], "The model had nothing to say."),
        ([calls("1", name="look"), says(" \n")], "The model had nothing to say."),
        ([calls("1", name="look")], "The model came to no answer."),
        ([MUCH], "The model wanted too much at once."),
    ],
)
def test_model_that_does_not_answer_fails_with_a_reason(
    server: ModelServer, caplog: pytest.LogCaptureFixture, replies: list[Reply], reason: str
) -> None:
    server.replies = in_turn(replies)
    said = why(server.url)
    assert reason in said
    assert len(server.heard) <= MOST_REPLIES
    assert KEY not in said + caplog.text


def test_server_that_is_not_there_is_said_to_be_away(caplog: pytest.LogCaptureFixture) -> None:
    assert why("http://127.0.0.1:1/v1") == "The model could not be reached."
    assert why("no address") == "The model could not be reached."
    assert why("http://127.0.0.1:1/v1", key="sk-ключ") == "The model could not be reached."
    assert why("http://127.0.0.1:1/v1", key=f"{KEY}\n") == "The model could not be reached."
    assert KEY not in caplog.text


def test_model_that_takes_too_long_is_not_waited_for(server: ModelServer) -> None:
    done = threading.Event()

    def slow(_: Any) -> Reply:
        done.wait(10)
        return says("Late.")

    server.replies = slow
    assert why(server.url, timeout=0.2) == "The model did not answer in time."
    done.set()


def test_answer_has_a_largest_size(server: ModelServer) -> None:
    server.replies = in_turn([calls("1", name="look"), says("x" * (LONGEST + 1))])
    assert ask(server.url) == "x" * LONGEST


def test_nobody_asks_twice_at_once_and_nobody_waits_for_others(server: ModelServer) -> None:
    go_on = threading.Event()
    everyone = threading.Semaphore(0)

    def waiting(asked: Any) -> Reply:
        if told(asked):
            return says("Go.")
        everyone.release()
        go_on.wait(10)
        return calls("1", name="look")

    async def crowd(model: Model) -> tuple[list[str], list[str]]:
        def asks(who: str) -> Awaitable[str]:
            return model.answer(who, "", "What is on?", FUNCTIONS)

        heard = [asyncio.ensure_future(asks(f"m{i}")) for i in range(CONCURRENCY)]
        for _ in heard:
            await asyncio.to_thread(everyone.acquire, timeout=10)
        refused = await asyncio.gather(asks("m0"), asks("late"), return_exceptions=True)
        go_on.set()
        answers = await asyncio.gather(*heard)
        answers.append(await asks("late"))
        assert model.counts == {"answers": CONCURRENCY + 1, "failures": 2}
        return answers, [str(each) for each in refused]

    server.replies = waiting
    assert run(crowd, server.url) == (
        ["Go."] * (CONCURRENCY + 1),
        [
            "The model has another question of yours to answer.",
            "The model is busy with other questions.",
        ],
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "tool_calls", "id", "function"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=40) | json_values.map(lambda v: json.dumps(v).encode()))
def test_whatever_a_server_says_there_is_a_text_or_a_reason(
    server: ModelServer, body: bytes
) -> None:
    server.replies = in_turn([calls("1", name="look"), Reply(200, body)])
    with contextlib.suppress(Failed):
        assert ask(server.url)
