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
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.agenda_items import AgendaItem
from domain.slots import further, settled
from domain.source_files import BY_HAND, File, Known, Sight
from domain.speakers import Speakers


class Settled(Struct, frozen=True):
    """A file under the ids that its sessions and speakers are known by in `known`, or new ones.
    `remarks` are (id of a speaker, what is odd)."""

    known: Known
    items: tuple[AgendaItem, ...]
    speakers: tuple[Any, ...]
    remarks: tuple[tuple[str, str], ...] = ()


def settle(file: File, known: Known) -> Settled:
    """Expects ids that are unique in the file."""
    sight = Sight(file, known)
    people = Speakers(file, sight)
    is_copy = file.source == file.copy
    ids = {one.id: one.id for one in file.speakers} if is_copy else people.match()
    ids = {local: known.renamed.get(id_, id_) for local, id_ in ids.items()}
    speakers = {}
    for speaker in file.speakers:
        erased, id_ = people.hidden.get(speaker.id), ids[speaker.id]
        shown = known.speakers[erased] if erased else speaker
        speakers[id_] = shown if shown.id == id_ else replace(shown, id=id_)
    items, slots = tuple(_spoken_by(item, ids, known) for item in file.items), file.slots
    theirs, before = frozenset[str](), dict[str, list[str]]()
    if not is_copy:
        sessions = _Sessions(file, sight)
        items, slots, before = sessions.match(items)
        theirs = sessions.theirs
    cancelled = (id_ for id_, item in known.items.items() if item.status == "cancelled")
    gone = {id_ for id_ in cancelled if known.item_sources[id_] != BY_HAND}
    items = settled(items, slots, known.items, gone, theirs, before)
    return Settled(known, items, tuple(speakers.values()), tuple(people.remarks))


def _spoken_by(item: AgendaItem, ids: Mapping[str, str], known: Known) -> AgendaItem:
    found = (ids.get(id_) or known.renamed.get(id_, id_) for id_ in item.speaker_ids)
    speaking = tuple(dict.fromkeys(found))
    return item if speaking == item.speaker_ids else replace(item, speaker_ids=speaking)


class _Sessions:
    def __init__(self, file: File, sight: Sight) -> None:
        self._file, self._sight, self._known = file, sight, sight.known.items
        self._theirs = {id_ for id_ in self._known if sight.is_another_s_session(id_)}

    def match(
        self, items: Sequence[AgendaItem]
    ) -> tuple[tuple[AgendaItem, ...], dict[str, str], dict[str, list[str]]]:
        """The items and slots under ids that no other source has; and by talk, of those that got
        an id here, the slots that this source has under the id in the file."""
        slots = self._file.slots
        talks: dict[str, list[AgendaItem]] = defaultdict(list)
        for item in items:
            talks[slots.get(item.id, item.id)].append(item)
        in_file = {item.id for item in items}
        renamed: dict[str, str] = {}
        before: dict[str, list[str]] = {}
        for talk, group in talks.items():
            here = self._here(talk, group)
            if here == talk:
                continue
            while here in in_file:
                here = self._file.own(here)
            numbered = further(here)
            renamed[talk] = here
            renamed |= {i.id: next(numbered) for i in group if i.id in slots}
            before[here] = [id_ for id_ in self._slots(talk) if id_ not in self._theirs]
        found = tuple(replace(i, id=renamed[i.id]) if i.id in renamed else i for i in items)
        new_slots = {renamed.get(i, i): renamed.get(talk, talk) for i, talk in slots.items()}
        return found, new_slots, before

    @property
    def theirs(self) -> frozenset[str]:
        """Those that others have, and this source has not."""
        return frozenset(self._theirs)

    def _here(self, talk: str, group: Sequence[AgendaItem]) -> str:
        """The talk's id, unless another source has it for something else."""
        own = self._file.own(talk)
        if own in self._known:
            return own
        if not self._theirs:
            return talk
        same = {
            id_
            for id_ in self._slots(talk)
            if any(self._sight.is_same(id_, item) for item in group)
        }
        self._theirs -= same
        return talk if talk not in self._theirs else own

    def _slots(self, talk: str) -> list[str]:
        """The known ones of its slots."""
        return [id_ for id_ in (talk, *self._numbered.get(talk, ())) if id_ in self._known]

    @cached_property
    def _numbered(self) -> dict[str, list[str]]:
        numbered: dict[str, list[str]] = defaultdict(list)
        for id_ in self._known:
            stem, _, number = id_.rpartition(".")
            if number.isdigit():
                numbered[stem].append(id_)
        return numbered
