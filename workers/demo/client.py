"""Requests to the demo's conference, as whoever acts there."""

import http.client
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec

from domain.errors import Unavailable
from workers.demo.conference import EVENT_ID
from workers.tokens import sign, sign_in_link

MONTH = 30 * 24 * 3600
EVENT = f"/api/events/{EVENT_ID}"
PAGE = f"/events/{EVENT_ID}"
ATTEMPTS = 5
PATIENCE = 5.0  # seconds before the next, whatever an answer says
ORGANIZER = "usr_organizer"


class Client:
    """Sends requests to the product, one at a time, each with the token of a member. `public` is
    where browsers reach it, if that is elsewhere."""

    def __init__(self, address: str, secret: str, public: str | None = None) -> None:
        self._public = public or address
        self._secret = secret
        self._connection = http.client.HTTPConnection(str(urlsplit(address).netloc), timeout=10)

    def close(self) -> None:
        self._connection.close()

    def token(self, sub: str) -> str:
        role = "organizer" if sub == ORGANIZER else "member"
        name = sub.removeprefix("usr_").replace("_", " ").title()
        return sign(self._secret, sub, [f"event:{EVENT_ID}:{role}"], MONTH, name=name)

    def link(self, sub: str) -> str:
        return sign_in_link(self._public, self.token(sub), PAGE)

    def ask(self, sub: str, method: str, path: str, body: object = None) -> Any:
        """The decoded answer; None for 404. Tries again after 429 and 503. Raises Unavailable for
        every other error."""
        for _ in range(ATTEMPTS):
            status, retry_after, answer = self._send(sub, method, path, body)
            if status in (429, 503):
                time.sleep(min(retry_after, PATIENCE))
            elif status == 404:
                return None
            elif status < 400:
                return msgspec.json.decode(answer) if answer else None
            else:
                break
        raise Unavailable(f"{method} {path} was answered with {status}: {answer.decode()[:300]}")

    def _send(self, sub: str, method: str, path: str, body: object) -> tuple[int, float, bytes]:
        headers = {"Authorization": f"Bearer {self.token(sub)}", "Content-Type": "application/json"}
        try:
            content = None if body is None else msgspec.json.encode(body)
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            retry_after = float(response.headers.get("Retry-After", 1))
            return response.status, retry_after, response.read()
        except (OSError, http.client.HTTPException) as e:
            self._connection.close()  # the next request opens it again
            return 503, 1.0, str(e).encode()
