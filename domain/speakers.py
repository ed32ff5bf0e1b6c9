"""Speakers told apart, in a file that comes in again, or one beside another.

Each is the known one who fits best, in this order: the same name under the same id, however it is
spelled; what another source has to the letter; a name that may be the same, as somebody writes it
later. Which comes first in the file does not matter. The name that a source gave last goes on where
somebody changed it by hand.

Where somebody was erased their name is not known any more. So all who may be they, under their
number, or in their place in a session, are shown without a name, and this is told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, islice
from typing import Any

from msgspec.structs import replace

from domain.names import ALIKE, folded, likeness
from domain.personal import ERASED
from domain.slots import further
from domain.source_files import BY_HAND, File, Named, Sight

HALF = 50  # percent of a name, where all else agrees
PAIRS = 10_000  # of names that are compared by likeness, at most
ANOTHER = "has an id that stood for another name before: taken for another person"
REPLACED = "speaks where somebody did whose name was changed by hand: taken for another person"
HIDDEN = (
    "has the number or the place of somebody who was erased: shown without a name, "
    "until somebody gives one by hand"
)

Pairs = Iterable[tuple[Any, str]]  # a speaker in the file, and the id of a known one


class Speakers:
    def __init__(self, file: File, sight: Sight) -> None:
        self._file, self._sight, self._known = file, sight, sight.known
        self._bases = {named.base for named in file.named.values() if named.kind != "name"}
        self._bases |= {speaker.id for speaker in file.speakers if speaker.id not in file.named}
        self._found: dict[str, str] = {}
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}
        self.hidden: dict[str, str] = {}  # by id in the file, the known one who may be they
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

    # Under an id
    def _match_group(self, base: str, group: Sequence[Any]) -> None:
        """Those who have one id in the file."""
        own = self._file.own(base)
        if len(group) == 1 and own not in self._known.speakers and self._is_as_ever(group[0], base):
            self._take(group[0], base)
            return
        here = own if own in self._known.speakers or self._is_another_s(base) else base
        family = [id_ for id_ in self._run(own, base) if not self._is_another_s(id_)]
        self._take_same(group, family)
        if missing := self._missing(group):
            self._take_to_the_letter(missing, self._run(base))
            # An import writes nothing of those whom somebody wrote by hand, so the name has to do.
            self._take_same(missing, [id_ for id_ in self._run(base) if self._is_put(id_)])
        if missing := self._missing(group):
            left = self._left(family)
            self._take_alike((speaker, id_) for speaker in missing for id_ in left)
            missing, left = self._missing(group), self._left(family)
            if len(missing) == len(left) == 1:
                self._take_only(missing[0], left[0], alone=len(group) == len(family) == 1)
        if missing := self._missing(group):
            erased = (id_ for id_ in self._left(family) if self._is_erased(id_))
            self._hide(missing, dict.fromkeys(erased), everybody=True)
        left = self._left(family)
        for speaker in self._missing(group):
            self._take(speaker, self._free(chain([here], further(here)), here))
            self._remark(speaker, ANOTHER if left else "")

    def _is_as_ever(self, speaker: Any, id_: str) -> bool:
        known = self._known.speakers.get(id_)
        if not known or known.name != speaker.name or known.name == ERASED:
            return False
        return not self._is_another_s(id_)

    def _run(self, *starts: str) -> Iterator[str]:
        """The known ones whose ids begin so."""
        for start in starts:
            for id_ in chain([start], further(start)):
                if id_ not in self._known.speakers:
                    break
                if id_ == start or id_ not in self._bases:
                    yield id_

    # With a name alone
    def _match_nameless(self, group: Sequence[Any]) -> None:
        """The ones whose name is all that the file has of them."""
        if not group:
            return
        sight, known = self._sight, self._known.speakers
        self._taken |= self._bases
        # Who had a name alone before comes before one of that name who has a number.
        nameless = tuple({f"{_stem(speaker.id)}-" for speaker in group})
        ours = [id_ for id_ in self._left(known) if not self._is_another_s(id_)]
        ours.sort(key=lambda id_: not id_.startswith(nameless))
        for speaker in group:
            if (old := self._named(speaker).base) in known and not self._is_another_s(old):
                self._take(speaker, old)
        self._take_same(group, ours)
        missing = self._missing(group)
        beside = {one.id: [i for i in sight.beside[one.id] if i in known] for one in missing}
        # Ours come first, or another one of that name would be taken next time.
        ours_first = dict.fromkeys(id_ for id_ in sorted(sight.spoken_here) if id_ in known)
        shared = ours_first | {id_: None for ids in beside.values() for id_ in ids}
        self._take_to_the_letter(missing, shared)
        there = {id_ for id_ in ours if id_ not in self._taken}
        missing = self._missing(group)
        self._take_alike((one, i) for one in missing for i in beside[one.id] if i in there)
        there -= self._taken
        missing = self._missing(group)
        erased = (i for one in missing for i in beside[one.id] if i in there and self._is_erased(i))
        self._hide(missing, dict.fromkeys(erased), everybody=False)
        for speaker in self._missing(group):
            self._take(speaker, self._free(self._numbered(speaker.id)))
            left = (i for i in beside[speaker.id] if i in there and i not in self._taken)
            by_hand = any(self._known.speaker_sources[i] == BY_HAND for i in left)
            self._remark(speaker, REPLACED if by_hand else "")

    def _numbered(self, id_: str) -> Iterator[str]:
        """The id in the file, `small-speaker-1`, and those that follow it."""
        yield id_
        stem = _stem(id_)
        for number in count(self._last.get(stem, 0) + 1):
            self._last[stem] = number
            yield f"{stem}-{number}"

    # Who is who
    def _take_same(self, group: Iterable[Any], ids: Sequence[str]) -> None:
        """By name: the one known now, else the one that a source gave."""
        for names in (self._name, self._source_name):
            by_name: dict[str, list[str]] = defaultdict(list)
            for id_ in self._left(ids):
                if (name := names(id_)) and not self._is_erased(id_):
                    by_name[folded(name)].append(id_)
            for speaker in self._missing(group):
                for id_ in self._left(by_name.get(folded(speaker.name), ()))[:1]:
                    self._take(speaker, id_)

    def _take_to_the_letter(self, missing: Iterable[Any], ids: Iterable[str]) -> None:
        """Those of another source, which says the same of them."""
        said: dict[Any, list[Any]] = defaultdict(list)
        for speaker in missing:
            said[replace(speaker, id="")].append(speaker)
        for id_ in ids:
            if id_ not in self._taken and self._is_another_s(id_):
                for speaker in said.get(replace(self._known.speakers[id_], id=""), ())[:1]:
                    self._take(speaker, id_)
                    said[replace(speaker, id="")].remove(speaker)

    def _take_alike(self, pairs: Pairs) -> None:
        """The best first. Where somebody changed a name by hand, only if there is one way."""
        found = []
        for speaker, id_ in islice(pairs, PAIRS):
            names = (self._name(id_), self._source_name(id_))
            like = max(likeness(n, speaker.name) if n else 0 for n in names)
            if like >= ALIKE and not self._is_erased(id_):
                aside = id_ not in self._sight.beside[speaker.id]
                found.append((-like, aside, id_, folded(speaker.name), speaker))
        ways = Counter(id_ for _, _, id_, _, _ in found), Counter(one[4].id for one in found)
        for _, _, id_, _, speaker in sorted(found, key=lambda one: one[:4]):
            by_hand = self._known.speaker_sources[id_] == BY_HAND
            if by_hand and (ways[0][id_] > 1 or ways[1][speaker.id] > 1):
                continue
            if speaker.id not in self._found and id_ not in self._taken:
                self._take(speaker, id_)

    def _take_only(self, speaker: Any, id_: str, *, alone: bool) -> None:
        """The only one left under an id, and the only one known. In the same session half a name is
        enough, where nobody has changed it by hand: given names have other forms. And no name is
        needed where the id is theirs wherever it stands."""
        like = 0 if self._is_erased(id_) else likeness(self._name(id_), speaker.name)
        by_hand = self._known.speaker_sources[id_] == BY_HAND
        here = id_ in self._sight.beside[speaker.id] and like >= HALF and not by_hand
        if here or (alone and self._named(speaker).kind == "id"):
            self._take(speaker, id_)

    def _hide(self, missing: Sequence[Any], erased: Mapping[str, None], *, everybody: bool) -> None:
        """Leaves those without a name who may be one of the `erased`: they speak in a session of
        theirs. Where that does not say of each who it is, it may be `everybody`."""
        if not erased:
            return
        theirs = {one.id: [i for i in self._sight.beside[one.id] if i in erased] for one in missing}
        may = [one for one in missing if theirs[one.id]]
        shared = {(one.id, i) for one in may for i in theirs[one.id]}
        if everybody and not len(shared) == len(may) == len({i for _, i in shared}) == len(erased):
            may = list(missing)
        may.sort(key=lambda one: folded(one.name))
        pairs = list(islice(((one, i) for one in may for i in erased), PAIRS))
        places = self._sight.places
        pairs.sort(key=lambda p: (-places[p[0].id, p[1]], (p[0].id, p[1]) not in shared))
        for speaker, id_ in pairs:
            if speaker.id not in self._found:
                self._take(speaker, id_)
        for speaker in may:
            self.hidden.setdefault(speaker.id, next(iter(erased)))
            if speaker.id in self._found:
                self._remark(speaker, HIDDEN)

    # What is left
    def _missing(self, group: Iterable[Any]) -> list[Any]:
        return [speaker for speaker in group if speaker.id not in self._found]

    def _left(self, ids: Iterable[str]) -> list[str]:
        return [id_ for id_ in ids if id_ not in self._taken]

    def _take(self, speaker: Any, id_: str) -> None:
        if id_ not in self._taken:
            self._found[speaker.id] = id_
            self._taken.add(id_)
            if id_ in self._known.speakers and self._is_erased(id_):
                self.hidden[speaker.id] = id_

    def _remark(self, speaker: Any, what: str) -> None:
        what = HIDDEN if speaker.id in self.hidden else what
        if what:
            self.remarks.append((self._found[speaker.id], what))

    def _free(self, ids: Iterable[str], here: str = "") -> str:
        """The first that nobody has, neither here nor in the file, where only `here` has it."""
        free = (id_ for id_ in ids if id_ not in self._known.speakers and id_ not in self._taken)
        return next(id_ for id_ in free if id_ == here or id_ not in self._bases)

    def _name(self, id_: str) -> str:
        name: str = self._known.speakers[id_].name
        return name

    def _source_name(self, id_: str) -> str:
        name = self._known.source_names.get(id_, "")
        return "" if name == ERASED else name

    def _is_erased(self, id_: str) -> bool:
        return self._name(id_) == ERASED

    def _is_put(self, id_: str) -> bool:
        """Whether somebody wrote it by hand, and another source lists it."""
        return self._known.speaker_sources[id_] == BY_HAND and self._is_another_s(id_)

    def _is_another_s(self, id_: str) -> bool:
        return self._sight.is_another_s_speaker(id_)


def _stem(id_: str) -> str:
    return id_.rpartition("-")[0] or id_
