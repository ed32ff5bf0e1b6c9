"""Everything that is said no to, as one small tree.

    Problem
    ├── Invalid        400  malformed, out of range
    ├── Unauthorized   401  no token, or one that does not hold
    ├── Forbidden      403  a token that does not open this
    ├── NotFound       404
    ├── Refused        409  a rule says no
    │   └── KeyReused  409  an Idempotency-Key that came with another request before
    ├── TooLarge       413
    ├── TooMany        429  with the seconds to wait
    └── Unavailable    503  a store is away; with the seconds to wait

The API maps each to RFC 9457 problem+json in one place. A class's docstring is its title there.
"""

from collections.abc import Iterable

SHOWN = 100  # of the things that are wrong; an answer must not be larger than the question


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """The request could not be served"""

    status = 500
    retry_after: float | None = None

    def __init__(self, detail: str = "", *errors: tuple[str, str]) -> None:
        """`errors` are (path, message) pairs, a path as in `$.missions[3].points`."""
        self.errors = errors[:SHOWN]
        said = "; ".join(f"{path}: {message}" for path, message in self.errors)
        self.detail = detail or said or self.title()
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").strip().split("\n")[0]


class Invalid(Problem):
    """The request is malformed or out of range"""

    status = 400


class Unauthorized(Problem):
    """A valid token is needed"""

    status = 401


class Forbidden(Problem):
    """This token does not open this"""

    status = 403


class NotFound(Problem):
    """There is no such thing here"""

    status = 404


class Refused(Problem):
    """A rule refuses this"""

    status = 409


class KeyReused(Refused):
    """This Idempotency-Key came with another request before"""


class TooLarge(Problem):
    """The request body is too large"""

    status = 413


class TooMany(Problem):
    """Too many requests"""

    status = 429

    def __init__(self, detail: str = "", retry_after: float = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(Problem):
    """A store is away for the moment"""

    status = 503

    def __init__(self, detail: str = "", retry_after: float = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


# The names that refusals are kept under. They are a storage format: a class that is renamed keeps
# the name it has here.
STORED_NAMES: dict[type[Problem], str] = {
    Problem: "Problem",
    Invalid: "Invalid",
    Unauthorized: "Unauthorized",
    Forbidden: "Forbidden",
    NotFound: "NotFound",
    Refused: "Refused",
    KeyReused: "KeyReused",
    TooLarge: "TooLarge",
    TooMany: "TooMany",
    Unavailable: "Unavailable",
}
_BY_STORED_NAME = {name: kind for kind, name in STORED_NAMES.items()}


def stored_name(problem: Problem) -> str:
    """That of its class, or of the nearest one above it that has one."""
    return next(STORED_NAMES[kind] for kind in type(problem).__mro__ if kind in STORED_NAMES)


def restored(name: str, detail: str, errors: Iterable[tuple[str, str]] = ()) -> Problem:
    """A refusal that was kept, in the same words."""
    return _BY_STORED_NAME[name](detail, *errors)
