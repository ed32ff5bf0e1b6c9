"""People and sessions of files told apart, where one comes in again, or one beside another.

Numbers are those of one system, and files are merged from several: two names under one id are two
people, and what one source lists is never another's. So an id of a file is where the search
begins, and what is known decides:

    speakers   under the same id, the one of the same name, however it is spelled
    sessions   under the same id; of several, `slots` says which
    sources    an id that another source has is taken over only where it is the same to the letter;
               else this source has one of its own

Ids that are made here say nothing of a name. What is known keeps its id.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import chain, count
from typing import Any, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from domain.agenda_items import AgendaItem
from domain.names import alike, folded
from domain.personal import ERASED
from domain.slots import further

Kind = Literal["id", "number", "name"]
BY_HAND = ""  # the source of what no import wrote
ANOTHER = "has an id that stood for another name before: taken for another person"


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


class Matched(Struct, frozen=True):
    """The file under ids that are known, or free. No slot may take the id of one in `theirs`.
    `remarks` are (id, what is odd)."""

    items: tuple[AgendaItem, ...]
    slots: Mapping[str, str]
    speakers: tuple[Any, ...]
    theirs: frozenset[str] = frozenset()
    remarks: tuple[tuple[str, str], ...] = ()


def matched(file: File, known: Known) -> Matched:
    people = _People(file, known)
    ids = {speaker.id: speaker.id for speaker in file.speakers}
    if file.source != file.copy:
        ids = people.match()
    ids = {local: known.renamed.get(id_, id_) for local, id_ in ids.items()}
    speakers = {ids[speaker.id]: replace(speaker, id=ids[speaker.id]) for speaker in file.speakers}
    items = tuple(_spoken_by(item, ids, known) for item in file.items)
    if file.source == file.copy:
        return Matched(items, file.slots, tuple(speakers.values()))
    renamed, slots, theirs = _Sessions(file, known).match(items)
    return Matched(renamed, slots, tuple(speakers.values()), theirs, tuple(people.remarks))


def _spoken_by(item: AgendaItem, ids: Mapping[str, str], known: Known) -> AgendaItem:
    found = (ids.get(id_) or known.renamed.get(id_, id_) for id_ in item.speaker_ids)
    speaking = tuple(found)
    return item if speaking == item.speaker_ids else replace(item, speaker_ids=speaking)


class _People:
    def __init__(self, file: File, known: Known) -> None:
        self._file, self._known = file, known
        self._bases = {named.base for named in file.named.values() if named.kind != "name"}
        self._bases |= {speaker.id for speaker in file.speakers if speaker.id not in file.named}
        self._found: dict[str, str] = {}
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}
        self.remarks: list[tuple[str, str]] = []

    def match(self) -> dict[str, str]:
        """The id of each speaker, by the id in the file."""
        groups: dict[str, list[Any]] = defaultdict(list)
        nameless = []
        for speaker in self._file.speakers:
            named = self._named(speaker)
            if named.kind == "name":
                nameless.append(speaker)
            else:
                groups[named.base].append(speaker)
        for base, group in groups.items():
            self._match_group(base, group)
        self._match_nameless(nameless)
        return self._found

    def _named(self, speaker: Any) -> Named:
        return self._file.named.get(speaker.id, Named(speaker.id))

    def _name(self, id_: str) -> str:
        name: str = self._known.speakers[id_].name
        return name

    def _is_name(self, id_: str, name: str) -> bool:
        known = self._name(id_)
        return known == name or folded(known) == folded(name)

    def _match_group(self, base: str, group: Sequence[Any]) -> None:
        """Those who have one id in the file."""
        here = self._here(base, group)
        family = list(self._family(here))
        left = list(family)
        for speaker in group:
            same = (id_ for id_ in left if self._is_name(id_, speaker.name))
            self._take(speaker, next(same, None), left)
        for speaker in group:
            if speaker.id not in self._found:
                id_ = self._later(speaker, left)
                if not id_ and len(group) == len(family) == 1 and self._named(speaker).kind == "id":
                    id_ = family[0]
                self._take(speaker, id_, left)
        for speaker in group:
            if speaker.id not in self._found:
                self._take(speaker, self._free(chain([here], further(here)), here), [])
                if family and len(group) == 1:
                    self.remarks.append((self._found[speaker.id], ANOTHER))

    def _take(self, speaker: Any, id_: str | None, left: list[str]) -> None:
        if id_ is not None:
            self._found[speaker.id] = id_
            self._taken.add(id_)
            if id_ in left:
                left.remove(id_)

    def _here(self, base: str, group: Sequence[Any]) -> str:
        """The id in the file, unless another source has it."""
        own = self._file.own(base)
        if own in self._known.speakers:
            return own
        if not self._is_another_s(base):
            return base
        there = self._known.speakers[base]
        return base if any(replace(one, id=base) == there for one in group) else own

    def _family(self, here: str) -> Iterator[str]:
        """The known ones that have this id in the file."""
        if here not in self._known.speakers:
            return
        yield here
        for id_ in further(here):
            if id_ not in self._known.speakers:
                return
            if id_ not in self._bases and not self._is_another_s(id_):
                yield id_

    def _later(self, speaker: Any, left: Sequence[str]) -> str | None:
        """One of these who has been renamed: in the file, or here and not there."""
        beside = [id_ for id_ in left if id_ in self._beside.get(speaker.id, {})]
        fixed = [id_ for id_ in beside if self._known.speaker_sources[id_] == BY_HAND]
        near = [id_ for id_ in (*beside, *left) if alike(self._name(id_), speaker.name)]
        erased = [id_ for id_ in left if self._name(id_) == ERASED]
        return next(iter((*near, *fixed, *erased)), None)

    def _match_nameless(self, group: Sequence[Any]) -> None:
        """The ones whose name is all that the file has of them."""
        known, taken = self._known, self._taken
        taken |= self._bases
        by_name: dict[str, list[str]] = defaultdict(list)
        if group:
            for id_ in known.speakers:
                if id_ not in taken and not self._is_another_s(id_):
                    by_name[folded(self._name(id_))].append(id_)
        for speaker in group:
            old = self._named(speaker).base
            same = by_name.get(folded(speaker.name), ())
            if old in known.speakers and old not in taken and not self._is_another_s(old):
                same = (old, *same)
            self._take(speaker, next((id_ for id_ in same if id_ not in taken), None), [])
        for speaker in group:
            if speaker.id in self._found:
                continue
            beside = [id_ for id_ in self._beside.get(speaker.id, {}) if id_ not in taken]
            beside = [id_ for id_ in beside if id_ in known.speakers]
            same = [id_ for id_ in beside if self._is_name(id_, speaker.name)]
            ours = [id_ for id_ in beside if not self._is_another_s(id_)]
            later = next(iter(same), None) or self._later(speaker, ours)
            self._take(speaker, later or self._free(self._numbered(speaker.id)), [])

    def _numbered(self, id_: str) -> Iterator[str]:
        """The id in the file, `small-speaker-1`, and those that follow it."""
        yield id_
        stem = id_.rpartition("-")[0] or id_
        for number in count(self._last.get(stem, 0) + 1):
            self._last[stem] = number
            yield f"{stem}-{number}"

    def _free(self, ids: Iterable[str], here: str = "") -> str:
        """The first that nobody has, neither here nor in the file, where only `here` has it."""
        free = (id_ for id_ in ids if id_ not in self._known.speakers and id_ not in self._taken)
        return next(id_ for id_ in free if id_ == here or id_ not in self._bases)

    def _is_another_s(self, id_: str) -> bool:
        """Whether another source has this speaker, and this one has not."""
        if id_ not in self._known.speakers:
            return False
        writer = self._known.speaker_sources[id_]
        if writer == BY_HAND:
            return id_ in self._spoken[1] and id_ not in self._spoken[0]
        return writer not in self._file.aside

    @cached_property
    def _spoken(self) -> tuple[set[str], set[str]]:
        """Speakers of the sessions in the file, as they are known, and of what others list."""
        spoken: tuple[set[str], set[str]] = set(), set()
        known = self._known.items
        for item in self._file.items:
            for id_ in (item.id, self._file.own(item.id)):
                if id_ in known:
                    spoken[0].update(known[id_].speaker_ids)
        for source, ids in self._known.listings.items():
            if source not in (self._file.copy, self._file.source):
                for id_ in ids & known.keys():
                    spoken[1].update(known[id_].speaker_ids)
        return spoken

    @cached_property
    def _beside(self) -> dict[str, dict[str, None]]:
        """By speaker in the file, those known to speak in the same sessions."""
        beside: dict[str, dict[str, None]] = defaultdict(dict)
        for item in self._file.items:
            for id_ in (item.id, self._file.own(item.id)):
                if old := self._known.items.get(id_):
                    for speaker in item.speaker_ids:
                        beside[speaker] |= dict.fromkeys(old.speaker_ids)
        return beside


class _Sessions:
    def __init__(self, file: File, known: Known) -> None:
        self._file, self._known = file, known
        listings = known.listings
        others = (ids for source, ids in listings.items() if source not in file.aside)
        self._mine = listings.get(file.source, frozenset())
        self._elsewhere: frozenset[str] = frozenset().union(*others)
        self._theirs = {id_ for id_ in known.items if self._is_another_s(id_)}

    def match(
        self, items: Sequence[AgendaItem]
    ) -> tuple[tuple[AgendaItem, ...], dict[str, str], frozenset[str]]:
        """The items and slots under ids that no other source has, and those that others have."""
        slots = self._file.slots
        talks: dict[str, list[AgendaItem]] = defaultdict(list)
        for item in items:
            talks[slots.get(item.id, item.id)].append(item)
        in_file = {item.id for item in items}
        renamed: dict[str, str] = {}
        for talk, group in talks.items():
            here = self._here(talk, group)
            if here == talk:
                continue
            while here in in_file:
                here = self._file.own(here)
            numbered = further(here)
            renamed[talk] = here
            renamed |= {i.id: next(numbered) for i in group if i.id in slots}
        found = tuple(replace(i, id=renamed[i.id]) if i.id in renamed else i for i in items)
        new_slots = {renamed.get(i, i): renamed.get(talk, talk) for i, talk in slots.items()}
        return found, new_slots, frozenset(self._theirs)

    def _here(self, talk: str, group: Sequence[AgendaItem]) -> str:
        """The talk's id, unless another source has it for something else."""
        own = self._file.own(talk)
        if own in self._known.items:
            return own
        if not self._theirs:
            return talk
        slots = [talk, *(id_ for id_ in self._numbered.get(talk, ()) if id_ in self._known.items)]
        same = {id_ for id_ in slots if any(self._is_same(id_, item) for item in group)}
        if talk in self._theirs and not same:
            return own
        self._theirs -= same
        return talk if talk not in self._theirs else own

    @cached_property
    def _numbered(self) -> dict[str, list[str]]:
        numbered: dict[str, list[str]] = defaultdict(list)
        for id_ in self._known.items:
            stem, _, number = id_.rpartition(".")
            if number.isdigit():
                numbered[stem].append(id_)
        return numbered

    def _is_another_s(self, id_: str) -> bool:
        writer = self._known.item_sources[id_]
        if writer in self._file.aside - {BY_HAND}:
            return False
        if id_ in self._elsewhere:
            return writer != BY_HAND or id_ not in self._mine
        return writer != BY_HAND and id_ not in self._mine

    def _is_same(self, id_: str, item: AgendaItem) -> bool:
        """Whether they are the same to the letter. What nobody lists any more was called off by
        that."""
        old = self._known.items.get(id_)
        if old is None:
            return False
        listed = id_ in self._elsewhere or id_ in self._mine
        status = item.status if listed else old.status
        return replace(item, id=id_, status=status) == old
