"""The whole product as processes, for tests that look at it from outside."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec

from tests.waiting import PATIENCE
from workers.servers.embedded import start_nats
from workers.servers.processes import free_port, until
from workers.servers.roles import url_of_api, url_of_worker
from workers.tokens import sign

ROOT = Path(__file__).parent.parent
SECRET = "a secret for tests, long enough for HS256"
_names = itertools.count(1)


class Product:
    """`url`, tokens, and its processes to end and start again."""

    def __init__(self, database_url: str, nats_url: str, home: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.tree = ROOT  # of the programs
        self.database_url = database_url
        self.nats_url = nats_url
        self.environment = {
            **os.environ,
            "PORT": str(self.port),
            "DATA_DIR": str(home),
            "DATABASE_URL": database_url,
            "NATS_URL": nats_url,
            "JWT_SECRET": SECRET,
            "OPENAI_API_KEY": "",  # one that happens to be set here is not for tests to spend
            **settings,
        }
        self.api_environment = self.worker_environment = self.environment
        self.api: subprocess.Popen[bytes] | None = None
        self.workers: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def running(cls, database_url: str, home: Path, **settings: str) -> Iterator[Self]:
        """A product on this database, with a NATS of its own in `home`."""
        nats = start_nats(home / "nats")
        product = cls(database_url, nats.url, home, **settings)
        try:
            product.limit()
            product.start()
            yield product
        finally:
            product.stop()
            nats.stop()

    @contextmanager
    def another_api(self, home: Path, **settings: str) -> Iterator["Product"]:
        """A second API process on the same stores, with settings of its own."""
        other = Product(self.database_url, self.nats_url, home, **settings)
        other.start_api()
        try:
            yield other
        finally:
            other.stop_api()

    def start(self) -> None:
        self.start_workers()
        self.start_api()
        assert until(self.ready, PATIENCE), self.log("api")

    def stop(self) -> None:
        self.stop_api()
        self.stop_workers()

    def start_api(self) -> None:
        self.api = self._spawn("api", "-m", "api", "serve", environment=self.api_environment)
        assert until(self._answers, PATIENCE), self.log("api")

    def start_workers(self) -> None:
        run = ("-m", "workers", "run")
        self.workers = self._spawn("workers", *run, environment=self.worker_environment)

    def stop_api(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.api = _end(self.api, how)

    def stop_workers(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.workers = _end(self.workers, how)

    def ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/health/ready")
            return answer.status_code == 200 and not any(
                " keys: " not in reason and " is being renewed: " not in reason
                for reason in answer.json()["degraded"]
            )
        except httpx.TransportError:
            return False

    def metrics(self) -> str:
        """The text of now or later: one is kept for a second, and the next counts this request."""
        kept, found = self._metrics(), ""

        def other() -> bool:
            nonlocal found
            found = self._metrics()
            return found != kept

        assert until(other, PATIENCE)
        return found

    def _metrics(self) -> str:
        return httpx.get(f"{self.url}/metrics", timeout=5).raise_for_status().text

    def log(self, process: str) -> str:
        return (self.home / f"{process}.log").read_text()

    def token(self, sub: str, *scopes: str, seconds: float = 3600) -> str:
        return sign(SECRET, sub, scopes, seconds)

    def client(self, sub: str, *scopes: str) -> httpx.Client:
        """Without cookies: whoever wants to see their own writes says so, or need not."""
        token = self.token(sub, *scopes)
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            cookies=httpx.Cookies(),
            timeout=30,
        )

    def event(self, *missions: dict[str, Any]) -> str:
        """A new event with a catalogue, and its id."""
        event_id = f"evt_{next(_names)}"
        with self.client("admin", "admin") as admin:
            conference = {"name": "A conference", "timezone": "Europe/Brussels"}
            admin.put(f"/api/events/{event_id}", json=conference).raise_for_status()
            body = [mission(**given) for given in missions]
            admin.put(f"/api/events/{event_id}/missions", json=body).raise_for_status()
        return event_id

    def attendee(self, event_id: str, member_id: str, **profile: Any) -> int:
        """The position as of which everyone sees the profile."""
        with self.client("admin", "admin") as admin:
            body = {"name": member_id.title(), **profile}
            path = f"/api/events/{event_id}/attendees/{member_id}"
            answer = admin.put(path, json=body).raise_for_status()
        return int(answer.headers["Event-Position"])

    def member(self, event_id: str, member_id: str) -> httpx.Client:
        return self.client(member_id, f"event:{event_id}:member")

    @contextmanager
    def listening(
        self, event_id: str, member_id: str, after: int | None = None
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """The messages of a live feed, as they come: {id, event, data}."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        path = f"/api/events/{event_id}/members/{member_id}/stream"
        with (
            self.member(event_id, member_id) as client,
            client.stream("GET", path, headers=headers) as response,
        ):
            response.raise_for_status()
            lines = response.iter_lines()
            assert next(lines).startswith(":")
            yield messages(lines)

    def limit(self) -> None:
        """Its programs reach the database as in `make run`, by roles of their own."""
        api, worker = (url(self.database_url, SECRET) for url in (url_of_api, url_of_worker))
        self.api_environment = self.environment | {"DATABASE_URL": api}
        self.worker_environment = self.environment | {"DATABASE_URL": worker}

    def _spawn(
        self, name: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        with (self.home / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.tree,
                env=environment or self.environment,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/live").status_code == 200
        except httpx.TransportError:
            return False


def messages(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as we use it."""
    message: dict[str, Any] = {}
    for line in lines:
        field, _, value = line.partition(": ")
        if not line and message:
            yield message
            message = {}
        elif field == "id":
            message["id"] = int(value.rpartition("-")[2].rpartition(".")[2])
        elif field == "event":
            message["event"] = value
        elif field == "data":
            message["data"] = msgspec.json.decode(value)


def mission(id: str, points: int = 10, **more: Any) -> dict[str, Any]:  # noqa: A002 - the API's name
    return {"id": id, "title": id, "description": "", "category": "", "points": points, **more}


def _end(process: "subprocess.Popen[bytes] | None", how: signal.Signals) -> None:
    if process is not None:
        process.send_signal(how)
        process.wait(PATIENCE)
