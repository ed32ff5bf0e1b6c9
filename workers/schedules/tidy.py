"""Cleans sessions of files and makes agenda items of them."""

import re
from datetime import datetime

from msgspec import UNSET

from domain.agenda import STATUSES
from domain.agenda_items import AgendaItem
from domain.errors import Invalid
from workers.schedules import moments, text
from workers.schedules.schedule import Remarks, Session

TAGS = 100  # of an item, at most
MOST_READ = 10 * TAGS  # elements of a list; the rest of a longer one is not read
# A mark before a title says that the session is called off: CANCELLED Title, [canceled] Title,
# Cancelled: Title. "Cancelled flights, and what they cost" is a title.
MARK = re.compile(r"(\W*)(cancell?ed)\b(\W*)", re.I)
OPEN, CLOSED = (
    re.compile(r"[\[({<*_~]"),
    re.compile(r"[\])}>*_~]|[:!|]|\s[-\u2010-\u2015]|^[\u2013\u2014]"),
)
EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,128}")
NOT_SESSIONS = {  # and what each is called on an agenda
    **dict.fromkeys(("break", "breaks", "coffee", "coffeebreak", "intermission"), "break"),
    **dict.fromkeys(("lunch", "luncheon", "lunchbreak", "lunchtime"), "lunch"),
    **dict.fromkeys(("meal", "meals"), "meal"),
    **dict.fromkeys(("registration", "checkin"), "registration"),
    **{word: word for word in ("breakfast", "dinner")},
}
# Words beside these that leave such a type what it is: any other makes it a session.
BESIDE = frozenset(
    re.findall(
        r"[a-z]+",
        """a afternoon and area at badge badges bio biological buffet check closed closes closing
        coffee comfort conference counter day desk drinks early evening extended final first for
        free from gala general group health in late light long mid midday morning networking noon
        of on onsite open opening opens own pick pickup provided quick refreshment refreshments
        screen second served short snack snacks social speaker speakers sponsor sponsored sponsors
        starts stretch tea team the third time to up vip welcome with your""",
    )
)


def item(found: Session, remarks: Remarks) -> AgendaItem:
    where = found.where
    title = line(found.title, where, "the title", remarks)
    if not title:
        remarks.add(where, "has no title")
    return AgendaItem(
        id=found.id,
        title=title or "(untitled)",
        start_time=found.start,
        end_time=_end(found, remarks),
        description=_text(found.texts, where, remarks),
        location=line(found.location, where, "the room", remarks),
        track=line(found.track, where, "the track", remarks),
        focus_areas=_focus(found, remarks),
        item_type=_type(found),
        status=_status(found, title, remarks),
        speaker_ids=tuple(dict.fromkeys(found.speaker_ids))[:TAGS],
        url=text.url(found.url),
        language=text.cut(text.line(found.language), text.LINE),
    )


def areas(written: object, where: str, remarks: Remarks) -> tuple[str, ...]:
    """The texts of a list. Anything that is not a list of texts gives none."""
    if not isinstance(written, list | tuple):
        if written is not None:
            remarks.add(where, "has focus areas that are no list: taken as none")
        return ()
    listed = written[:MOST_READ]
    texts = [area for area in listed if isinstance(area, str)]
    if len(texts) < len(listed):
        remarks.add(where, "has a focus area that is no text: left out")
    cleaned = (line(area, where, "a focus area", remarks) for area in texts)
    return tuple(dict.fromkeys(filter(None, cleaned)))[:TAGS]


def line(written: str, where: str, what: str, remarks: Remarks) -> str:
    cleaned = text.line(written[: text.MARKED_UP])
    return _bounded(written, cleaned, text.LINE, (where, what), remarks)


def email(written: str | None) -> str | None:
    found = text.line((written or "")[: text.LINE + 1])
    return found if EMAIL.fullmatch(found) else None


def _end(found: Session, remarks: Remarks) -> datetime:
    if found.end < found.start:
        remarks.add(found.where, f"{moments.quoted(found.title)} ends before it starts")
        return found.start
    if found.end - found.start > moments.LONGEST and not found.exported_here:
        raise Invalid("", (found.where, f"lasts longer than {moments.LONGEST.days} days"))
    return found.end


def _focus(found: Session, remarks: Remarks) -> tuple[str, ...]:
    if found.focus_areas is not UNSET:
        return areas(found.focus_areas, found.where, remarks)
    tags = areas(found.tags, found.where, remarks)
    return tuple(dict.fromkeys((*tags, *areas([found.track], found.where, Remarks()))))[:TAGS]


def _type(found: Session) -> str:
    if given := text.cut(text.line(found.item_type), text.LINE):
        return given
    return _kind(text.line(found.kind[:1000]))


def _kind(written: str) -> str:
    """The type that is meant, by all words of it: `Lunch break` is a lunch, `Lunch talk` is not."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", written)
    words = re.findall(r"[^\W\d_]+", apart.lower().replace("'", "").replace("\u2019", ""))
    meant = [NOT_SESSIONS[word] for word in words if word in NOT_SESSIONS]
    if not meant:
        return "session"
    return meant[0] if all(word in NOT_SESSIONS or word in BESIDE for word in words) else "session"


def _status(found: Session, title: str, remarks: Remarks) -> str:
    if found.status in STATUSES:
        return found.status
    if found.status:
        remarks.add(found.where, f"{moments.quoted(found.status)} is no status: left at scheduled")
    return "cancelled" if _is_called_off(title) else "scheduled"


def _is_called_off(title: str) -> bool:
    if not (found := MARK.match(title)):
        return False
    before, mark, after = found.groups()
    rest = title[found.end() :]
    marked = not rest or OPEN.search(before) or CLOSED.search(after)
    return bool(marked) or (mark.isupper() and not rest.isupper())


def _text(written: tuple[str, ...], where: str, remarks: Remarks) -> str:
    texts = [text.plain(part) for part in written]
    whole = "\n\n".join(part for i, part in enumerate(texts) if part and part not in texts[:i])
    return _bounded("".join(written), whole, text.TEXT, (where, "the description"), remarks)


def _bounded(written: str, cleaned: str, length: int, of: tuple[str, str], remarks: Remarks) -> str:
    where, what = of
    if text.has_control(written):
        remarks.add(where, f"{what} has control characters: taken out")
    if len(cleaned) > length or len(written) > text.MARKED_UP:
        remarks.add(where, f"{what} is longer than {length} characters: cut")
    return text.cut(cleaned, length)
