"""Every no is RFC 9457 problem+json, made in this one place."""

import logging
import math
import re
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from domain import errors

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


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


def documented(*statuses: int) -> dict[int, ResponseSpec]:
    """What else a call may answer, for OpenAPI."""
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
    return _answer(
        problem.status, type(problem).title(), problem.detail, problem.errors, problem.retry_after
    )


def on_validation(
    _: Request[Any, Any, Any], error: ValidationException
) -> Response[ProblemDetails]:
    extra = error.extra if isinstance(error.extra, list) else []
    wrong = [(_path(e), str(e.get("message", ""))) for e in extra if isinstance(e, dict)]
    detail = "; ".join(f"{path}: {message}" for path, message in wrong) or error.detail
    return _answer(400, errors.Invalid.title(), detail, wrong)


def on_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[ProblemDetails]:
    status = HTTPStatus(error.status_code)
    known = CLASSES.get(status)
    detail = {404: "There is nothing at this address."}.get(status, error.detail or status.phrase)
    wrong: list[tuple[str, str]] = []
    if found := re.search(r"^(.*?)(?: - at `(.+)`)$", detail):
        wrong = [(found[2], found[1])]
    response = _answer(status, known.title() if known else status.phrase, detail, wrong)
    response.headers.update(error.headers or {})
    return response


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemDetails]:
    log.error("%s %s broke", request.method, request.url.path, exc_info=error)
    return _answer(500, "Something broke here", "It has been noted. Trying again may help.", ())


def _path(error: dict[str, Any]) -> str:
    """Litestar says `key` for a field or parameter; a body that is no object has none."""
    key = str(error.get("key", ""))
    return (
        key
        if error.get("source") in ("path", "query", "header", "cookie")
        else f"$.{key}".rstrip(".")
    )


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
    Exception: on_bug,
}
