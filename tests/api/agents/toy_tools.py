"""`python -m tests.api.agents.toy_tools serve`: the API, with two more tools, an entry each."""

import sys
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from psycopg import OperationalError

from api.agents import tools
from api.agents.tool import Call, Headers, Reads, Tool, ToolInput, Writes, member, organizer
from api.http.fields import Id
from domain.errors import Forbidden, Refused, TooMany
from domain.stars import Stars, StarSession
from domain.store.envelope import UnreadableEventError

PROBLEMS: dict[str, Exception] = {
    "forbidden": Forbidden("This is not for you."),
    "refused": Refused("A rule says no."),
    "busy": TooMany("Later.", retry_after=3),
    "away": OperationalError("the line broke"),
    "unreadable": UnreadableEventError(1, "of a later version"),
    "broken": RuntimeError("a bug"),
}


class EchoInput(ToolInput, frozen=True, kw_only=True):
    text: Annotated[str, Meta(max_length=12)]
    times: Annotated[int, Meta(ge=0, le=3)] = 1


class Echo(Struct, frozen=True):
    member_id: str
    text: str


async def _echo(call: Call[EchoInput]) -> tuple[Echo, Headers]:
    if call.input.text in PROBLEMS:
        raise PROBLEMS[call.input.text]
    return Echo(call.member_id, call.input.text * call.input.times), {"Event-Position": "0"}


ECHO = Tool(
    name="echo_text",
    title="Echo",
    summary="A text, so many times",
    description="Gives a text back.",
    usage="Ask echo_text for an echo.",
    input=EchoInput,
    output=Echo,
    may=member,
    does=Reads(_echo),
)


class StarInput(ToolInput, frozen=True, kw_only=True):
    session_id: Id


class Starred(Struct, frozen=True):
    session_id: str
    stars: int


def _star(call: Call[StarInput]) -> StarSession:
    return StarSession(
        event_id=call.event_id, member_id=call.member_id, item_id=call.input.session_id
    )


def _starred(command: Any, state: Stars) -> bytes:
    return msgspec.json.encode(Starred(command.item_id, len(state.items)))


STAR = Tool(
    name="star_for",
    title="Star",
    summary="Star a session for a member",
    description="Stars a session.",
    usage="Call star_for to star a session for a member.",
    input=StarInput,
    output=Starred,
    may=organizer,
    does=Writes(_star, _starred),
)

if __name__ == "__main__":
    tools.TOOLS = (*tools.TOOLS, ECHO, STAR)
    from api.__main__ import main

    sys.exit(main())
