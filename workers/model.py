"""A client of a language model behind an API like OpenAI's: one question, answered by means of
functions that the model may call.

Callers need an answer of their own for when it fails.
"""

import asyncio
import importlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from workers import telemetry
from workers.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_MODEL = "gpt-5.4-mini"
TIMEOUT = 30.0  # seconds for a question, with all calls that the model makes for it
MOST_REPLIES = 4  # to a question; the last one must be an answer
MOST_CALLS = 8  # in one reply
CONCURRENCY = 8  # questions that wait for the model; more are refused at once
LONGEST = 8_000  # characters of an answer

Json = dict[str, Any]


class Failed(Exception):  # noqa: N818 - a sentence that may be shown to the asker
    """The reason why there is no answer, in words that may be shown."""


class Function(Struct, frozen=True):
    """A function that the model may call. `parameters` is a JSON schema. `call` takes the arguments
    as the model wrote them, gives JSON, and raises ValueError for what the model may mend."""

    name: str
    description: str
    parameters: Json
    call: Callable[[str], Awaitable[bytes]]


# The part of a reply that is read. Strict: servers that only look like OpenAI's send many things.
class FunctionCall(Struct, frozen=True):
    name: str
    arguments: str


class ToolCall(Struct, frozen=True):
    id: str
    function: FunctionCall


class Message(Struct, frozen=True):
    content: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(Struct, frozen=True):
    message: Message


class Reply(Struct, frozen=True):
    choices: list[Choice]


class Model:
    """The configured model. False where there is no key."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT) -> None:
        self.name = settings.openai_model or DEFAULT_MODEL
        self.counts: Counter[str] = Counter()
        self._key = settings.openai_api_key
        self._url = settings.openai_base_url
        self._timeout = timeout
        self._client: Any = None
        self._askers: set[str] = set()

    def __bool__(self) -> bool:
        return self._key is not None

    async def answer(
        self, asker: str, instructions: str, question: str, functions: Sequence[Function]
    ) -> str:
        """Raises Failed, also where the model answered without having called a function."""
        try:
            text = await self._bounded(asker, self._converse(instructions, question, functions))
        except Failed:
            self.counts["failures"] += 1
            raise
        self.counts["answers"] += 1
        return text

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _bounded(self, asker: str, conversation: Coroutine[Any, Any, str]) -> str:
        """One question of each asker at a time, and no queue: who comes too late is refused."""
        try:
            self._admit(asker)
        except Failed:
            conversation.close()
            raise
        try:
            with telemetry.span("model"):
                async with asyncio.timeout(self._timeout):
                    return await conversation
        except TimeoutError:
            raise Failed("The model did not answer in time.") from None
        finally:
            self._askers.remove(asker)

    def _admit(self, asker: str) -> None:
        if asker in self._askers:
            raise Failed("The model has another question of yours to answer.")
        if len(self._askers) >= CONCURRENCY:
            raise Failed("The model is busy with other questions.")
        self._askers.add(asker)

    async def _converse(
        self, instructions: str, question: str, functions: Sequence[Function]
    ) -> str:
        messages: list[Json] = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": question},
        ]
        for choice in ("required", *["auto"] * (MOST_REPLIES - 2), "none"):
            message = await self._reply(messages, functions, choice)
            if not message.tool_calls:
                return _text(message, has_called=len(messages) > 2)
            messages.append(_repeated(message))
            messages += [await _called(call, functions) for call in message.tool_calls]
        raise Failed("The model came to no answer.")

    async def _reply(
        self, messages: list[Json], functions: Sequence[Function], choice: str
    ) -> Message:
        try:
            raw = await self._complete(messages, functions, choice)
            message = msgspec.json.decode(raw, type=Reply).choices[0].message
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError):
            raise Failed("What the model's server said is no answer.") from None
        if len(message.tool_calls or ()) > MOST_CALLS:
            raise Failed("The model wanted too much at once.")
        return message

    async def _complete(
        self, messages: list[Json], functions: Sequence[Function], choice: str
    ) -> bytes:
        """Without retries: the caller has an answer of its own, and the asker can ask again."""
        openai = await asyncio.to_thread(importlib.import_module, "openai")  # takes a second, once
        tools = [_described(function) for function in functions]
        try:
            self._client = self._client or openai.AsyncOpenAI(
                api_key=self._key, base_url=self._url, timeout=self._timeout, max_retries=0
            )
            raw = await self._client.chat.completions.with_raw_response.create(
                model=self.name, messages=messages, tools=tools, tool_choice=choice
            )
            return bytes(raw.content)
        except openai.APITimeoutError:
            raise TimeoutError from None
        except openai.APIStatusError as e:
            raise Failed(f"The model's server answered {e.status_code}.") from None
        except Exception as e:  # a key that is no header, an address that is none, no network
            log.warning("the model could not be asked: %s", type(e).__name__)
            raise Failed("The model could not be reached.") from None


def _described(function: Function) -> Json:
    described = {
        "name": function.name,
        "description": function.description,
        "parameters": function.parameters,
    }
    return {"type": "function", "function": described}


def _repeated(message: Message) -> Json:
    calls = [
        {"id": call.id, "type": "function", "function": msgspec.to_builtins(call.function)}
        for call in message.tool_calls or ()
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


async def _called(call: ToolCall, functions: Sequence[Function]) -> Json:
    """The message for one call. An error is for the model to read: it may call again."""
    known = {function.name: function for function in functions}
    try:
        if call.function.name not in known:
            raise ValueError(f"There is no tool of this name, only {', '.join(known)}.")
        content = (await known[call.function.name].call(call.function.arguments)).decode()
    except ValueError as e:
        content = msgspec.json.encode({"error": str(e)}).decode()
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def _text(message: Message, has_called: bool) -> str:
    text = (message.content or "").strip()
    if not has_called:
        raise Failed("The model answered without having looked.")
    if not text:
        raise Failed("The model had nothing to say.")
    return text[:LONGEST]
