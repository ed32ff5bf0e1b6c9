"""Files of several sources, and what is known of a programme, as one source sees it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from domain.agenda_items import AgendaItem

Kind = Literal["id", "number", "name"]
BY_HAND = ""  # the source of what no import wrote


class Named(Struct, frozen=True):
    """A speaker as a file has them, besides the name: an id, which is theirs wherever it stands; a
    number, which other systems use too; or only the name, of which earlier versions made `base`."""

    base: str
    kind: Kind = "id"


class Known(Protocol):
    @property
    def items(self) -> Mapping[str, AgendaItem]: ...
    @property
    def speakers(self) -> Mapping[str, Any]: ...
    @property
    def item_sources(self) -> Mapping[str, str]: ...
    @property
    def speaker_sources(self) -> Mapping[str, str]: ...
    @property
    def source_names(self) -> Mapping[str, str]: ...
    @property
    def listings(self) -> Mapping[str, frozenset[str]]: ...
    @property
    def renamed(self) -> Mapping[str, str]: ...


class File(Struct, frozen=True):
    """The sessions and speakers that a source lists, under ids that are unique in it. `copy` is the
    source of the event's own export, whose ids are known ones."""

    source: str
    copy: str
    items: Sequence[AgendaItem]
    slots: Mapping[str, str]
    speakers: Sequence[Any]
    named: Mapping[str, Named]

    @property
    def aside(self) -> frozenset[str]:
        return frozenset({self.source, self.copy, BY_HAND})

    def own(self, id_: str) -> str:
        """An id for what has this one in this source, where another source has it too."""
        digest = sha256(f"{self.source}\0{id_}".encode()).hexdigest()[:12]
        return f"{id_[:115]}-{digest}"


class Sight:
    """A programme as it is known, and what of it is another source's: what several list is that of
    whoever wrote it last, and what a source lists no more is not its own where another one does."""

    def __init__(self, file: File, known: Known) -> None:
        self.known = known
        self._file, self._aside = file, file.aside
        listings = known.listings
        others = (ids for source, ids in listings.items() if source not in self._aside)
        self._mine = listings.get(file.source, frozenset())
        self._elsewhere: frozenset[str] = frozenset().union(*others)

    def is_another_s_session(self, id_: str) -> bool:
        """Raises KeyError where there is none."""
        writer = self.known.item_sources[id_]
        return self._is_another_s(id_, writer, self._mine, self._elsewhere)

    def is_another_s_speaker(self, id_: str) -> bool:
        if id_ not in self.known.speakers:
            return False
        writer = self.known.speaker_sources[id_]
        mine = self._spoken_put if writer == BY_HAND else self.spoken_here
        return self._is_another_s(id_, writer, mine, self._spoken_elsewhere)

    def _is_another_s(self, id_: str, writer: str, mine: Set[str], elsewhere: Set[str]) -> bool:
        if id_ in mine:
            return id_ in elsewhere and writer not in self._aside
        return id_ in elsewhere or writer not in self._aside

    @cached_property
    def spoken_here(self) -> Set[str]:
        """The speakers of the sessions that this source listed and lists, as they are known."""
        listed = (
            item.id if item.id in self._mine else self._file.own(self._talk(item))
            for item in self._file.items
        )
        return self._speakers(self._mine & set(listed))

    @cached_property
    def _spoken_put(self) -> Set[str]:
        """And of those that somebody put by hand before it listed them."""
        put = (item.id for item in self._file.items if item.id in self.known.items)
        ours = {id_ for id_ in put if not self.is_another_s_session(id_)}
        return self.spoken_here | self._speakers(ours)

    def _talk(self, item: AgendaItem) -> str:
        return self._file.slots.get(item.id, item.id)

    @cached_property
    def _spoken_elsewhere(self) -> Set[str]:
        return self._speakers(self._elsewhere)

    def _speakers(self, ids: Collection[str]) -> Set[str]:
        items = self.known.items
        return {one for id_ in ids if id_ in items for one in items[id_].speaker_ids}

    def is_same(self, id_: str, item: AgendaItem, *, but_for_speakers: bool = False) -> bool:
        """Whether they are the same to the letter. What nobody lists any more was called off by
        that."""
        old = self.known.items.get(id_)
        if old is None:
            return False
        listed = id_ in self._elsewhere or id_ in self._mine
        status = item.status if listed else old.status
        speaking = old.speaker_ids if but_for_speakers else item.speaker_ids
        return replace(item, id=id_, status=status, speaker_ids=speaking) == old

    @property
    def beside(self) -> Mapping[str, Mapping[str, None]]:
        """By speaker in the file, those known to speak in the same sessions."""
        return self._together[0]

    @property
    def places(self) -> Counter[tuple[str, str]]:
        """In how many sessions a speaker of the file stands where a known one does."""
        return self._together[1]

    @cached_property
    def _together(self) -> tuple[dict[str, dict[str, None]], Counter[tuple[str, str]]]:
        items = self.known.items
        beside: dict[str, dict[str, None]] = {one.id: {} for one in self._file.speakers}
        places = Counter[tuple[str, str]]()
        for item in self._file.items:
            for id_ in {item.id: None, self._file.own(self._talk(item)): None}:
                if id_ in items and self._is_here(id_, item):
                    speaking = items[id_].speaker_ids
                    places.update(zip(item.speaker_ids, speaking, strict=False))
                    for speaker in item.speaker_ids:
                        beside.setdefault(speaker, {}).update(dict.fromkeys(speaking))
        return beside, places

    def _is_here(self, id_: str, item: AgendaItem) -> bool:
        return not self.is_another_s_session(id_) or self.is_same(id_, item, but_for_speakers=True)
