"""The web client: files as they are, and pages that are files too."""

from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.static_files import create_static_files_router

WEB = Path(__file__).parent / "web"

POLICY = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def page(name: str) -> Response[bytes]:
    return Response((WEB / name).read_bytes(), media_type=MediaType.HTML, headers=POLICY)


@get("/", include_in_schema=False, sync_to_thread=False)
def home() -> Response[bytes]:
    return page("index.html")


@get("/sign-in", include_in_schema=False, sync_to_thread=False)
def sign_in() -> Response[bytes]:
    return page("sign-in.html")


@get("/events/{event_id:str}", include_in_schema=False, sync_to_thread=False)
def board(event_id: str) -> Response[bytes]:
    return page("board.html")


def schema_page(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """`/schema` as a page, to a browser."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return page("schema.html") if wants_page and request.url.path == "/schema" else None


FILES = create_static_files_router(
    path="/web",
    directories=[WEB],
    include_in_schema=False,
    after_request=lambda response: _with_policy(response),
)


def _with_policy(response: Response[Any]) -> Response[Any]:
    response.headers.update(POLICY)
    return response


ROUTES: Any = (home, sign_in, board, FILES)
