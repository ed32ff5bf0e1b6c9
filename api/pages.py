"""The web client's files and pages, served as they lie on disk.

What several pages share lies at the top of `api/web/`, what one page needs in that page's folder.
Addresses know no folders: `/web/board.js` answers wherever the file lies, so a page that was loaded
from another version of this product finds its files here, and files may move between folders.
Pages leave out how every page begins: that is `head.html`.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from api.http.problems import on_http

WEB = Path(__file__).parent / "web"
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def files_of(folder: Path) -> dict[str, Path]:
    """Every file in `folder` and below it by its bare name, which no two may share."""
    files: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix in TYPES and file.is_file():
            if file.name in files:
                raise ValueError(f"Two files share the address of {file.name}: {folder}")
            files[file.name] = file
    return files


FILES = files_of(WEB)
HEAD = FILES.pop("head.html").read_bytes()

POLICY = {
    "Content-Security-Policy": (
        # Pictures of people come from where they keep them: over https, and without a referrer.
        "default-src 'self'; style-src 'self'; img-src 'self' data: https:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}


def page(name: str, status: int = 200) -> Response[bytes]:
    file = FILES[name]
    content = _content(file, file.stat().st_mtime_ns)
    return Response(content, status_code=status, media_type=TYPES[file.suffix], headers=POLICY)


@lru_cache
def _content(file: Path, changed_at: int) -> bytes:
    content = file.read_bytes()
    return HEAD + content if file.suffix == ".html" else content


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


@get(
    ["/events/{event_id:str}/messages", "/events/{event_id:str}/messages/{member_id:str}"],
    include_in_schema=False,
    sync_to_thread=False,
)
def messages(event_id: str, member_id: str = "") -> Response[bytes]:
    return page("messages.html")


@get(
    ["/events/{event_id:str}/syncs", "/events/{event_id:str}/syncs/new"],
    include_in_schema=False,
    sync_to_thread=False,
)
def syncs(event_id: str) -> Response[bytes]:
    return page("syncs.html")


@get("/events/{event_id:str}/attendees", include_in_schema=False, sync_to_thread=False)
def attendees(event_id: str) -> Response[bytes]:
    return page("attendees.html")


@get(
    "/events/{event_id:str}/attendees/{member_id:str}",
    include_in_schema=False,
    sync_to_thread=False,
)
def attendee(event_id: str, member_id: str) -> Response[bytes]:
    return page("attendee.html")


@get("/events/{event_id:str}/goals", include_in_schema=False, sync_to_thread=False)
def goals(event_id: str) -> Response[bytes]:
    return page("goals.html")


@get("/web/{name:str}", include_in_schema=False, sync_to_thread=False)
def file(name: str) -> Response[bytes]:
    """The file of that name, looked up among those found at start: a name is never a path."""
    if name not in FILES:
        raise NotFoundException
    return page(name)


def schema_page(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """`/schema` as a page if a browser asks, else None."""
    return page("schema.html") if _wants_html(request) and request.url.path == "/schema" else None


def not_found(request: Request[Any, Any, Any], error: NotFoundException) -> Response[Any]:
    """A page if a browser asks, else problem+json."""
    return page("not-found.html", 404) if _wants_html(request) else on_http(request, error)


def _wants_html(request: Request[Any, Any, Any]) -> bool:
    return "text/html" in request.headers.get("accept", "")


ROUTES: Any = (
    *(home, sign_in, board, schedule, attendees, attendee, goals, messages, syncs),
    file,
)
HANDLERS: Any = {NotFoundException: not_found}
