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

SHOWN = 100  # of the things that are wrong; an answer must not be larger than the question


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """The request could not be served"""

    status = 500
    errors: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title())
        self.detail = detail or self.title()

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").strip().split("\n")[0]


class Invalid(Problem):
    """The request is malformed or out of range"""

    status = 400

    def __init__(self, detail: str = "", *errors: tuple[str, str]) -> None:
        """`errors` are (path, message) pairs, a path as in `$.missions[3].points`."""
        errors = errors[:SHOWN]
        super().__init__(detail or "; ".join(f"{path}: {message}" for path, message in errors))
        self.errors = errors


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
