"""All SQL of the product. A statement is a line `-- name: board_read`, a comment that says what it
is for, and the SQL with `%(named)s` parameters."""

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
MARK = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
VIEWS = "views"  # the schema of read models


@cache
def statements(name: str) -> dict[str, str]:
    """The statements of `sql/<name>.sql`, by name."""
    text = (HERE / f"{name}.sql").read_text(encoding="utf-8")
    _, *parts = MARK.split(text)
    return {key: body.strip() for key, body in zip(parts[::2], parts[1::2], strict=True)}
