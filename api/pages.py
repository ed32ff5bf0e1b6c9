"""The web client: files as they are, and pages that are files too."""

from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from api.http.problems import on_http

WEB = Path(__file__).parent / "web"
NAMES = frozenset(file.name for file in WEB.iterdir())
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

POLICY = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def page(name: str, status: int = 200) -> Response[bytes]:
    file = WEB / name
    return Response(
        file.read_bytes(), status_code=status, media_type=TYPES[file.suffix], headers=POLICY
    )


@get("/", include_in_schema=False, sync_to_thread=False)
def home() -> Response[bytes]:
    return page("index.html")


@get("/sign-in", include_in_schema=False, sync_to_thread=False)
def sign_in() -> Response[bytes]:
    return page("sign-in.html")


@get("/events/{event_id:str}", include_in_schema=False, sync_to_thread=False)
def board(event_id: str) -> Response[bytes]:
    return page("board.html")


@get("/events/{event_id:str}/schedule", include_in_schema=False, sync_to_thread=False)
def schedule(event_id: str) -> Response[bytes]:
    return page("schedule.html")


@get("/web/{name:str}", include_in_schema=False, sync_to_thread=False)
def file(name: str) -> Response[bytes]:
    """By its name among those there are, so that no name reaches the disk as a path."""
    if name not in NAMES:
        raise NotFoundException
    return page(name)


def schema_page(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """`/schema` as a page, to a browser."""
    return page("schema.html") if _reads(request) and request.url.path == "/schema" else None


def not_found(request: Request[Any, Any, Any], error: NotFoundException) -> Response[Any]:
    """A page to a browser, to others a problem like every other."""
    return page("not-found.html", 404) if _reads(request) else on_http(request, error)


def _reads(request: Request[Any, Any, Any]) -> bool:
    return "text/html" in request.headers.get("accept", "")


ROUTES: Any = (home, sign_in, board, schedule, file)
HANDLERS: Any = {NotFoundException: not_found}
