"""An immutable mapping. A changed copy costs a few entries, not all of them: to fold n events into
a plain dict, copied each time, would take n squared."""

from collections.abc import Hashable, Iterator, Mapping
from itertools import chain
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SMALL = 64  # entries up to which a dict is copied as a whole, which costs less


class PersistentMap(Mapping[K, V]):
    """Ordered by when a key first came, as a dict is. Recent changes are kept in a small dict of
    their own, which is merged into the large one once it has as many entries as its square root."""

    __slots__ = ("_all", "_fresh")

    def __init__(self, all_: Mapping[K, V], fresh: Mapping[K, V] | None = None) -> None:
        self._all = all_
        self._fresh = fresh or {}

    def __getitem__(self, key: K) -> V:
        return self._fresh[key] if key in self._fresh else self._all[key]

    def __contains__(self, key: object) -> bool:
        return key in self._fresh or key in self._all

    def __iter__(self) -> Iterator[K]:
        return chain(self._all, (key for key in self._fresh if key not in self._all))

    def __len__(self) -> int:
        return len(self._all) + sum(key not in self._all for key in self._fresh)

    def __repr__(self) -> str:
        return repr(dict(self))


def with_entry(old: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """A copy of `old` with this entry; `old` itself does not change."""
    if isinstance(old, dict) and len(old) < SMALL:
        return {**old, key: value}
    all_, fresh = (old._all, old._fresh) if isinstance(old, PersistentMap) else (old, {})
    fresh = {**fresh, key: value}
    if len(fresh) ** 2 <= len(all_):
        return PersistentMap(all_, fresh)
    return PersistentMap({**all_, **fresh})
