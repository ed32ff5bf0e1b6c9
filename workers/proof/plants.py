"""Bugs to be found. What a plant takes away is a statement, the way to read the log, or the order
of two steps: the product knows nothing of it, and only what is started with a plant has it."""

from collections.abc import Mapping

from msgspec import Struct

from sql import statements


class Plant(Struct, frozen=True):
    """`history` replaces statements of `sql/history.sql`; `page` is how a projector asks for what
    is new in the log. With `window`, a live feed looks up what was missed before it listens."""

    says: str
    history: Mapping[str, str] = {}
    page: str | None = None
    window: float = 0.0  # seconds


NOTHING = Plant("nothing is planted")
PLANTS = {
    "lock": Plant("writers do not take turns", {"lock": "SELECT 1"}),
    "cursor": Plant(
        "the projector's cursor skips an event",
        page=statements("log")["page"].replace("> %(after)s", "> %(after)s + 1"),
    ),
    "key": Plant(
        "nobody looks whether an Idempotency-Key came before",
        {
            "keys": "SELECT NULL, NULL, NULL, NULL, NULL, 0"
            " WHERE false AND %(principals)s::text[] = %(keys)s::text[]",
            "remember_keys": statements("history")["remember_keys"].removesuffix(";")
            + " ON CONFLICT DO NOTHING;",
        },
    ),
    "window": Plant("a live feed that resumes listens only after it has looked", window=0.05),
}
