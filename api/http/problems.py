"""Error responses: every refusal and failure becomes RFC 9457 problem+json here."""

import logging
import math
import re
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct
from psycopg import InterfaceError, OperationalError

from api.http.methods import allow
from api.http.wording import field_error
from domain import errors
from domain.store.envelope import NewerEventError, UnreadableEventError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
LARGEST_BODY = 1_000_000  # bytes
BROKE = "Something broke here"
RETRY_AFTER = 60.0  # seconds: an operator has to act first
RETRY_NEWER = 2.0  # seconds: another process may be able to already

MISSING = re.compile(r"Missing required \w+ parameter '([^']+)'")  # as the framework says it

DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}


class HeldBack(errors.Unavailable):
    """This stands on an event that cannot be read or applied"""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after=RETRY_AFTER)


class HeldForNewer(errors.Unavailable):
    """This stands on an event of a newer version"""

    def __init__(self) -> None:
        super().__init__(
            "A newer version of this program recorded an event that this one does not know, and "
            "without it this cannot be answered. Nothing is lost: the newer version is on its way. "
            "Try again in a moment.",
            retry_after=RETRY_NEWER,
        )


class InvalidToken(errors.Unauthorized):
    """A valid token is needed"""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after

    @property
    def challenge(self) -> str:
        """RFC 6750, section 3. The details have neither quotes nor backslashes."""
        return f'Bearer error="invalid_token", error_description="{self.detail}"'


class FieldError(Struct, frozen=True):
    path: str
    message: str


class ProblemDetails(Struct, frozen=True, omit_defaults=True):
    """RFC 9457"""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


STORE_PROBLEMS = (OperationalError, InterfaceError, UnreadableEventError)
CLASSES = {
    c.status: c
    for c in (
        errors.Invalid,
        errors.Unauthorized,
        errors.Forbidden,
        errors.NotFound,
        errors.Refused,
        errors.TooLarge,
        errors.TooMany,
        errors.Unavailable,
    )
}


UNCHANGED = ResponseSpec(None, description="Nothing has changed since the ETag that was named")


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """The problems that a call may answer, for OpenAPI."""
    return {
        status: ResponseSpec(
            ProblemDetails,
            description=CLASSES[status].title(),
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status in statuses
    }


def on_problem(_: Request[Any, Any, Any], problem: errors.Problem) -> Response[ProblemDetails]:
    answer = _answer(
        problem.status, type(problem).title(), problem.detail, problem.errors, problem.retry_after
    )
    if isinstance(problem, InvalidToken):
        answer.headers["WWW-Authenticate"] = problem.challenge
    return answer


def on_validation(
    _: Request[Any, Any, Any], error: ValidationException
) -> Response[ProblemDetails]:
    extra = error.extra if isinstance(error.extra, list) else []
    fields = [_field(e) for e in extra if isinstance(e, dict)]
    if missing := MISSING.match(error.detail):
        fields.append((missing[1], "is needed"))
    detail = "; ".join(f"{path}: {message}" for path, message in fields) or error.detail
    return _answer(400, errors.Invalid.title(), detail, fields)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[ProblemDetails]:
    status = HTTPStatus(error.status_code)
    if status >= 500:
        return on_bug(request, error)
    known = CLASSES.get(status)
    detail = DETAILS.get(status, error.detail or status.phrase)
    if status == 413:
        most = request.route_handler.resolve_request_max_body_size()
        detail = f"A body may have at most {most:,} bytes here."
    response = _answer(status, known.title() if known else status.phrase, detail, ())
    for name, value in (error.headers or {}).items():
        response.headers[name] = allow(value.split(", ")) if name.lower() == "allow" else value
    return response


def on_store(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemDetails]:
    return on_problem(request, store_problem(request, error))


def store_problem(request: Request[Any, Any, Any], error: Exception) -> errors.Problem:
    """The problem that one of STORE_PROBLEMS is to the caller. It is logged."""
    if isinstance(error, NewerEventError):
        log.warning("%s %s: %s", request.method, request.url.path, error)
        return HeldForNewer()
    if isinstance(error, UnreadableEventError):
        log.error("%s %s: %s", request.method, request.url.path, error)
        return HeldBack("This stands on an event that this version cannot read. It has been noted.")
    log.warning("%s %s: the store is away: %s", request.method, request.url.path, error)
    return errors.Unavailable()


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemDetails]:
    log.error("%s %s broke", request.method, request.url.path, exc_info=error)
    return _answer(500, BROKE, "It has been noted. Trying again may help.", ())


def _field(error: dict[str, Any]) -> tuple[str, str]:
    """(path, message) of an error that the framework found: in a parameter, or a body that is
    missing."""
    if error.get("key") == "data":
        return "$", "a JSON body is needed"
    return str(error.get("key", "")), field_error(str(error.get("message")))[1]


def _answer(
    status: int,
    title: str,
    detail: str,
    wrong: Any,
    retry_after: float | None = None,
) -> Response[ProblemDetails]:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    problem = ProblemDetails(
        "about:blank", title, int(status), detail, [FieldError(*pair) for pair in wrong]
    )
    return Response(problem, status_code=int(status), media_type=MEDIA_TYPE, headers=headers)


HANDLERS: Any = {
    errors.Problem: on_problem,
    ValidationException: on_validation,
    HTTPException: on_http,
    **dict.fromkeys(STORE_PROBLEMS, on_store),
    Exception: on_bug,
}
