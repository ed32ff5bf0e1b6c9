"""The meaning of the columns of a list, by their headers: pretix's own, and others' spellings.

pretix's export of order positions (pretix/base/exporters/orderlist.py) has `Attendee name`, for
names of several parts also `Attendee name: Given name`, `Attendee email`, `Company` twice (the
attendee's, then the invoice's), and questions by their text. Those with several answers come in one
cell with commas, or as a column of Yes and No for each answer, with an en dash between question and
answer. Its API has `attendee_name_parts`. `Email` is that of the order, which may be for several
people.
"""

import re
import unicodedata
from collections.abc import Sequence

from msgspec import Struct

from workers.attendees.remarks import Oddity, quoted

LISTS = frozenset({"interests", "industries", "focus_areas", "goals", "offers", "seeks"})

# In lower case, with a space for all that is no letter or digit, and without `your` and `the`.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "member_id": ("member id", "id", "attendee id", "user id", "person id", "participant id"),
    "email": (
        *("attendee email", "email", "email address", "attendee email address", "mail"),
        *("participant email", "contact email", "e mail", "mail address", "emailadresse"),
        *("email adresse", "teilnehmer email", "courriel", "adresse email", "correo electronico"),
    ),
    "name": (
        *("attendee name", "name", "full name", "display name", "participant", "participant name"),
        *("attendee", "teilnehmername", "teilnehmer name", "nom complet", "nombre completo"),
    ),
    "headline": ("headline", "tagline", "bio", "short bio", "about me", "about", "profile"),
    "company": (
        *("company", "company name", "organization", "organisation", "employer", "affiliation"),
        *("institution", "firma", "unternehmen", "entreprise", "empresa"),
    ),
    "role": (
        *("role", "job title", "position", "job", "job role", "function", "occupation"),
        *("profession", "beruf", "fonction", "cargo"),
    ),
    "avatar_url": ("avatar url", "avatar", "photo", "photo url", "picture", "image", "image url"),
    "interests": (
        *("interests", "interest", "topics", "tags", "topics of interest", "interessen"),
        *("what are you interested in", "which topics are you interested in", "interets"),
    ),
    "industries": ("industries", "industry", "sector", "sectors", "branche", "secteur"),
    "focus_areas": ("focus areas", "focus area", "focus", "tracks", "track"),
    "goals": (
        *("goals", "goal", "objectives", "networking goals", "ziele", "objectifs"),
        *("what are goals", "what do you want to achieve"),
    ),
    "offers": ("offers", "offer", "offering", "can offer", "i offer", "what do you offer"),
    "seeks": (
        *("seeks", "seek", "seeking", "looking for", "i am looking for", "needs"),
        *("what are you looking for", "who are you looking for"),
    ),
    "visibility": ("visibility", "visible", "listed"),
    "on_leaderboard": ("on leaderboard", "leaderboard", "show on leaderboard"),
    "order": ("order code", "order", "bestellnummer"),
    "status": ("status", "order status"),
}
# Parts of a name in the order in which they are said; keys of pretix's schemes, and plain ones.
PARTS = (
    *("title", "salutation", "given name", "first name", "vorname", "prenom", "middle name"),
    *("family name", "last name", "surname", "nachname", "suffix", "degree", "full name"),
)
NAME_PARTS = re.compile(r"(?:attendee name(?: parts)?|name parts) (.+)")
ALONE = frozenset(PARTS) - {"title", "salutation", "suffix", "degree", "full name"}
UNUSED_PARTS = frozenset({"scheme", "calling name", "latin transcription"})
# Columns of pretix's export that say nothing of a profile.
PRETIX = frozenset(
    [
        *("event slug", "position id", "positionid", "phone number", "order date", "order time"),
        *("date", "start date", "end date", "product", "item", "variation", "price", "tax rate"),
        *("tax rule", "tax value", "address", "street", "zip code", "zipcode", "city", "country"),
        *("state", "voucher", "pseudonymization id", "seat id", "seat name", "seat zone"),
        *("seat row", "seat number", "seat", "order comment", "follow up date", "vat id"),
        *("invoice address name", "sales channel", "order locale", "email address verified"),
        *("payment providers", "blocked", "valid from", "valid until", "external customer id"),
        *("position order link", "check in lists", "comment", "secret", "add to cart", "answers"),
        *("checkins", "downloads", "addon to", "subevent", "tax code", "ticket secret"),
    ]
)
OF_INVOICE = re.compile(r"invoice address name .+")
NOT_UNDERSTOOD = "not understood, so left out: give it the name of a field if it is one"
OPTION = re.compile(r" [\u2013\u2014-] ")


class Column(Struct, frozen=True):
    """`field` is a profile's, one of `member_id, email, order_email, order, status`, or `unused`;
    `part` the part of a name, `option` the answer that a column of Yes and No is about."""

    header: str
    field: str
    part: str = ""
    option: str = ""


BY_SPELLING = {word: field for field, words in SPELLINGS.items() for word in words} | {
    field.replace("_", " "): field for field in SPELLINGS
}


def plain(header: str) -> str:
    """By which spellings are compared."""
    letters = unicodedata.normalize("NFKD", header.strip().lstrip("'")).casefold()
    letters = "".join(c for c in letters if unicodedata.category(c) != "Mn")
    letters = re.sub(r"\be[- ]?mail", "email", letters)
    words = re.sub(r"[\W_]+", " ", letters).split()
    return " ".join(word for word in words if word not in {"your", "the"})


def columns(header: Sequence[str]) -> list[Column]:
    """One for each, in their order."""
    found = [_column(one) for one in header]
    words = {plain(one) for one in header}
    if {"email", "attendee email"} <= words:  # as pretix has it
        return [Column(c.header, "order_email") if plain(c.header) == "email" else c for c in found]
    return found


def understood(header: Sequence[str]) -> int:
    return sum(column.field != "unused" for column in columns(header))


def is_of_pretix(header: Sequence[str]) -> bool:
    words = {plain(one) for one in header}
    attendee = {"attendee name", "attendee email", "attendee name parts"}
    return bool(words & attendee) and bool(words & {"order code", "position id", "positionid"})


def _column(header: str) -> Column:
    words = plain(header)
    if words in BY_SPELLING:
        return Column(header, BY_SPELLING[words])
    of_name = NAME_PARTS.fullmatch(words)
    part = of_name[1] if of_name else words if words in ALONE else ""
    if part and part not in UNUSED_PARTS:
        return Column(header, "name", part=part)
    question, _, option = _cut(header)
    field = BY_SPELLING.get(plain(question), "")
    if option and field in LISTS:
        return Column(header, field, option=option)
    return Column(header, "unused")


def _cut(header: str) -> tuple[str, str, str]:
    cut = OPTION.search(header)
    if not cut:
        return header, "", ""
    return header[: cut.start()], cut[0], header[cut.end() :].strip()


def unused(found: Sequence[Column]) -> list[Oddity]:
    """Columns that are left out: one remark on those that pretix always has, one on the others."""
    left = [c.header for c in found if c.field == "unused" and c.header]
    known = [h for h in left if plain(h) in PRETIX or OF_INVOICE.fullmatch(plain(h))]
    unknown = [h for h in left if h not in known]
    said = []
    if unknown:
        said.append(Oddity(_listed(unknown), NOT_UNDERSTOOD))
    if known:
        said.append(Oddity(_listed(known), "of no use in a profile, so left out"))
    if nameless := sum(not c.header for c in found):
        said.append(Oddity(f"{nameless} columns without a header", "left out"))
    return said


def _listed(headers: Sequence[str]) -> str:
    noun = "column" if len(headers) == 1 else "columns"
    return f"{noun} {', '.join(quoted(one) for one in headers)}"
