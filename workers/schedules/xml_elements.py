"""XML read with expat itself, which alone says lines and refuses what is declared: no entity is
ever expanded, nothing outside is ever fetched, and only what is wanted is kept."""

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from msgspec import Struct, field

from domain.errors import Invalid

DEPTH = 50
ELEMENTS = 300_000  # FOSDEM 2025 has 30,000
CHUNK = 1 << 16


class Element(Struct):
    tag: str
    attributes: dict[str, str]
    where: str
    children: list["Element"] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts).strip()

    def child(self, tag: str) -> "Element | None":
        return next((child for child in self.children if child.tag == tag), None)

    def said(self, tag: str) -> str:
        """The text of the first such child, or nothing."""
        found = self.child(tag)
        return found.text if found else ""

    def all(self, *tags: str) -> list["Element"]:
        """The grandchildren (and deeper) on this path."""
        found = [self]
        for tag in tags:
            found = [child for one in found for child in one.children if child.tag == tag]
        return found


class Parser:
    """Asks of every element that opens whether it is wanted; hands those over when whole."""

    def __init__(
        self, wanted: Callable[[Element, int], bool], whole: Callable[[Element], None]
    ) -> None:
        self._wanted, self._whole = wanted, whole
        self._depth = 0
        self._kept: list[Element] = []
        self._count = 0
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.EntityDeclHandler = self._refuse("declares an entity")
        self._expat.AttlistDeclHandler = self._declared
        self._expat.SkippedEntityHandler = self._refuse("names an entity that is not declared")
        self._expat.ExternalEntityRefHandler = self._refuse("refers to something outside of it")

    def read(self, data: bytes) -> None:
        """Raises Invalid with line and column."""
        try:
            for at in range(0, len(data), CHUNK):
                self._expat.Parse(data[at : at + CHUNK], False)
            self._expat.Parse(b"", True)
        except expat.ExpatError as error:
            where = f"line {error.lineno}, column {error.offset + 1}"
            raise Invalid("", (where, f"is no XML: {expat.ErrorString(error.code)}")) from None
        except (LookupError, ValueError) as error:  # of the encoding that it says it has
            raise Invalid("", (self._here(), f"cannot be read: {error}")) from None

    def _here(self) -> str:
        line, column = self._expat.CurrentLineNumber, self._expat.CurrentColumnNumber
        return f"line {line}, column {column + 1}"

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self._here())
        if self._depth >= DEPTH:
            raise Invalid("", (element.where, f"is nested deeper than {DEPTH}"))
        if self._kept or self._wanted(element, self._depth):
            self._keep(element)
        self._depth += 1

    def _keep(self, element: Element) -> None:
        self._count += 1
        if self._count > ELEMENTS:
            raise Invalid("", (element.where, f"has more than {ELEMENTS} elements"))
        if self._kept:
            self._kept[-1].children.append(element)
        self._kept.append(element)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if self._kept:
            element = self._kept.pop()
            if not self._kept:
                self._whole(element)

    def _text(self, written: str) -> None:
        if self._kept:
            self._kept[-1].parts.append(written)

    def _declared(
        self, tag: str, name: str, kind: str, default: str | None, required: bool
    ) -> None:
        """A default is given to every such element: once written, it may be there for ever."""
        if default is not None:
            self._refuse("gives an attribute a default")()

    def _refuse(self, what: str) -> Callable[..., Any]:
        def refuse(*_: object) -> None:
            raise Invalid("", (self._here(), f"{what}: that is refused"))

        return refuse
