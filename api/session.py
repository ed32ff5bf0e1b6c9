"""Signing in with a link. The page `/sign-in#token=...` posts the token here, where it becomes a
cookie that scripts cannot read. A fragment is in no log and in no referrer."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Response, delete, get, post
from litestar.datastructures import Cookie
from msgspec import Meta, Struct

from api.http import fields
from api.http.origin import check_origin, is_secure
from api.http.principal import LEEWAY
from api.http.problems import documented
from api.identity.tokens import COOKIE, HOST_COOKIE
from api.services import Request, services

TAGS = ["Session"]
PATH = "/api/session"


class SessionBody(fields.Body, frozen=True, kw_only=True):
    # A browser keeps no cookie of more than 4096 bytes.
    token: Annotated[str, Meta(min_length=1, max_length=4000)]


class Session(Struct, frozen=True):
    sub: str
    scopes: list[str]
    expires_at: datetime | None
    name: str | None


@post(
    PATH,
    tags=TAGS,
    status_code=204,
    summary="Turn a token into a cookie",
    security=[{}],
    responses=documented(400, 401, 403, 413, 503),
)
async def sign_in(request: Request, data: SessionBody) -> Response[None]:
    check_origin(request)
    principal = await services(request).identity.verify(data.token)
    left = principal.expires_at - time.time()
    max_age = max(int(left), LEEWAY) if left < float("inf") else None
    if not is_secure(request):
        return _set(_cookie(COOKIE, data.token, max_age))
    # One that was set without TLS would let in whoever it is of, once this one has ended.
    return _set(_cookie(COOKIE, "", 0, True), _cookie(HOST_COOKIE, data.token, max_age, True))


@get(PATH, tags=TAGS, summary="Who is signed in", responses=documented(401, 429, 503))
async def get_session(request: Request) -> Response[Session]:
    principal = request.user
    expires = principal.expires_at
    until = datetime.fromtimestamp(expires, UTC) if expires < float("inf") else None
    return Response(
        Session(principal.sub, sorted(principal.scopes), until, principal.name),
        headers={"Cache-Control": "no-store"},
    )


@delete(
    PATH, tags=TAGS, status_code=204, summary="Sign out", security=[{}], responses=documented(403)
)
async def sign_out(request: Request) -> Response[None]:
    check_origin(request)
    if is_secure(request) or HOST_COOKIE in request.cookies:
        return _set(_cookie(COOKIE, "", 0, True), _cookie(HOST_COOKIE, "", 0, True))
    return _set(_cookie(COOKIE, "", 0))


def _cookie(name: str, value: str, max_age: int | None, secure: bool = False) -> Cookie:
    """`max_age` in seconds; None: until the browser is closed."""
    return Cookie(
        name,
        value=value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
        max_age=max_age,
    )


def _set(*cookies: Cookie) -> Response[None]:
    return Response(None, status_code=204, cookies=cookies)


ROUTES: Any = (sign_in, sign_out)
