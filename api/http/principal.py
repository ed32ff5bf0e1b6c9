"""The principal of a request, and what its scopes permit."""

from msgspec import Struct

from domain.aggregate import Scope
from domain.errors import Forbidden, NotFound

LEEWAY = 30  # seconds by which the clocks of those who sign tokens may differ from ours


class Principal(Struct, frozen=True):
    """`sub` is the id of the member, creator, speaker or operator. `expires_at` is in seconds since
    1970. `name` is for pages to show, if the token has one. `signed_with` is the fingerprint of the
    identity provider's key, None for a token that is signed with our own secret."""

    sub: str
    scopes: frozenset[str]
    expires_at: float = float("inf")
    name: str | None = None
    signed_with: str | None = None

    @property
    def holds_until(self) -> float:
        return self.expires_at + LEEWAY

    @property
    def is_admin(self) -> bool:
        return "admin" in self.scopes

    def has_role(self, scope: Scope, role: str) -> bool:
        """Tokens write it as `event:evt_1:organizer`. Admins have every role."""
        return self.is_admin or f"{scope}:{role}" in self.scopes

    def organizes(self, event_id: str) -> bool:
        return self.has_role(Scope("event", event_id), "organizer")

    def attends(self, event_id: str) -> bool:
        return self.organizes(event_id) or self.has_role(Scope("event", event_id), "member")

    def as_member(self, event_id: str, member_id: str | None = None) -> str:
        """The member whose data is asked for: oneself, or anyone for organizers. Raises Forbidden,
        and NotFound as for an event that does not exist."""
        self._require(event_id, self.attends(event_id))
        if member_id is None or member_id.lower() == "me" or member_id == self.sub:
            return self.sub
        if self.organizes(event_id):
            return member_id
        raise Forbidden("This is another member's.")

    def as_organizer(self, event_id: str) -> None:
        self._require(event_id, self.organizes(event_id))

    def _require(self, event_id: str, permitted: bool) -> None:
        """Without a role at an event, the answer is the same as for an event that does not
        exist."""
        if permitted:
            return
        if any(scope.startswith(f"event:{event_id}:") for scope in self.scopes):
            raise Forbidden("This token has another role at this event.")
        raise NotFound(f"There is no event {event_id}.")
