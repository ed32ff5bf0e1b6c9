"""The sentences that people of the demo say, chosen by what they answer to."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from workers.demo.conference import Person

NOTE = "Fifteen minutes over a coffee? I have read what you are here for."


class Rule(NamedTuple):
    """Answers to a text in which the pattern is found. {seeks}, {offers}, {goal} and {company} are
    those of whoever answers."""

    pattern: str
    answers: tuple[str, ...]


RULES = (
    Rule(
        r"(?i)\b(meet|coffee|lunch|sync|schedule|available|talk)\b",
        (
            "I would like that. Ask me for a sync, and I will take the first time that suits.",
            "Yes, let us. I am around all day: ask me for a sync.",
        ),
    ),
    Rule(r"(?i)\b(thanks|thank you|thx|cheers)\b", ("You are welcome!", "With pleasure.")),
    Rule(
        r"(?i)^\W*(hi|hello|hey|good (morning|afternoon|evening))\b",
        (
            "Hello! What brings you here? I am here for this: {goal}.",
            "Hello again! How is your day going?",
        ),
    ),
    Rule(
        r"\?",
        (
            "Good question. In short: at {company} we are still finding out.",
            "It depends, as ever. What I look for here is {seeks}: does that help?",
            "I would rather show you than write it down. Ask me for a sync?",
        ),
    ),
    Rule(
        "",
        (
            "That is good to hear. I can offer {offers}, if that is of use to you.",
            "Tell me more: at {company} we talk about little else.",
            "I have to think about that, and I like that I have to.",
            "Noted. If you hear of {seeks}, think of me.",
            "Let us go on with this face to face: ask me for a sync.",
        ),
    ),
)


def greeting(person: Person, first_name: str, shared: Sequence[str]) -> str:
    """`shared`: tags that both have in their profiles."""
    why = (
        f"{shared[0]} is in your profile as well as in mine"
        if shared
        else "we have not met yet, and that is reason enough"
    )
    return (
        f"Hello {first_name}, I am {person.name} from {person.profile['company']}. I write "
        f"because {why}. What are you here for?"
    )


def answer(person: Person, text: str, said: Sequence[str]) -> str | None:
    """The first that suits the text and was not said yet; None: there is nothing left to say."""
    return next((one for one in _suited(person, text) if one not in said), None)


def _suited(person: Person, text: str) -> Iterator[str]:
    facts = {name: _first(person, name) for name in ("seeks", "offers")}
    facts |= {"goal": _first(person, "goals"), "company": str(person.profile["company"])}
    for rule in RULES:
        if re.search(rule.pattern, text):
            yield from (one.format(**facts) for one in rule.answers)


def _first(person: Person, field: str) -> str:
    values = person.profile[field]
    assert isinstance(values, list)  # noqa: S101 - the demo's own
    return str(values[0])
