"""Headers that every answer has, whatever it is: a page, JSON, a feed, a problem, a 404."""

from typing import Any

from api.http.origin import over_tls

PERMISSIONS = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in PERMISSIONS),
}
HSTS = {"Strict-Transport-Security": "max-age=31536000"}  # a year


class BehindTls:
    """Cookies go over TLS only where the browser speaks it, and the browser is told to use
    nothing else. `always`: by PUBLIC_URL, not by what a proxy says of each request."""

    def __init__(self, app: Any, always: bool) -> None:
        self.app = app
        self._always = always

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not (self._always or over_tls(scope)):
            await self.app(scope, receive, send)
            return

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*map(_secured, message["headers"]), *RAW_HSTS]
            await send(message)

        await self.app(scope, receive, answer)


RAW_HSTS = [(name.lower().encode(), value.encode()) for name, value in HSTS.items()]


def _secured(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    if name.lower() != b"set-cookie" or b"secure" in value.lower().split(b"; "):
        return header
    return name, value + b"; Secure"
