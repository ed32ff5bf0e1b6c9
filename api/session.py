"""Signing in with a link. The page `/sign-in#token=...` posts the token here, where it becomes a
cookie that scripts cannot read. A fragment is in no log and in no referrer."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Response, delete, get, post
from litestar.datastructures import Cookie
from msgspec import Meta, Struct

from api.http import fields
from api.http.principal import LEEWAY
from api.http.problems import documented
from api.identity.tokens import COOKIE, check_origin
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
    cookie = Cookie(
        COOKIE,
        value=data.token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.headers.get("origin", "").startswith("https:"),  # TLS ends before us
        max_age=max(int(left), LEEWAY) if left < float("inf") else None,
    )
    return Response(None, status_code=204, cookies=[cookie])


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
    gone = Cookie(COOKIE, value="", path="/", httponly=True, samesite="lax", max_age=0)
    return Response(None, status_code=204, cookies=[gone])


ROUTES: Any = (sign_in, sign_out)
