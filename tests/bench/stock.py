"""The mission board as one writes it with the eventsourcing library, as documented: the baseline
that commands are compared with."""

from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict


class Board(Aggregate):
    @event("Registered")
    def __init__(self, member_id: str) -> None:
        self.member_id = member_id
        self.standings: dict[str, tuple[str, int]] = {}

    @staticmethod
    def create_id(member_id: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/boards/{member_id}")

    def status(self, mission_id: str) -> str:
        return self.standings.get(mission_id, ("not_started", 0))[0]

    def start(self, mission_id: str) -> None:
        if self.status(mission_id) == "not_started":
            self._started(mission_id)

    def complete(self, mission_id: str, points: int) -> None:
        if self.status(mission_id) != "completed":
            self._completed(mission_id, points)

    def reset(self, mission_id: str) -> None:
        if self.status(mission_id) != "not_started":
            self._reset(mission_id)

    @event("MissionStarted")
    def _started(self, mission_id: str) -> None:
        self.standings[mission_id] = ("in_progress", 0)

    @event("MissionCompleted")
    def _completed(self, mission_id: str, points: int) -> None:
        self.standings[mission_id] = ("completed", points)

    @event("MissionReset")
    def _reset(self, mission_id: str) -> None:
        self.standings[mission_id] = ("not_started", 0)


class Boards(Application[UUID]):
    """Each command is `repository.get` and `save`."""

    def register(self, members: list[str]) -> None:
        self.save(*map(Board, members))

    def start(self, member_id: str, mission_id: str) -> None:
        board: Board = self.repository.get(Board.create_id(member_id))
        board.start(mission_id)
        self.save(board)

    def complete(self, member_id: str, mission_id: str) -> None:
        board: Board = self.repository.get(Board.create_id(member_id))
        board.complete(mission_id, 10)
        self.save(board)

    def reset(self, member_id: str, mission_id: str) -> None:
        board: Board = self.repository.get(Board.create_id(member_id))
        board.reset(mission_id)
        self.save(board)


def environment(database_url: str) -> dict[str, str]:
    """The library's own defaults for everything but the address."""
    parts = conninfo_to_dict(database_url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_PORT": str(parts["port"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": str(parts["password"]),
    }
