"""XML read with expat, which knows lines and lets declarations be refused: no entity is expanded,
nothing external is fetched, and only the elements that are asked for are built."""

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from msgspec import Struct, field

from domain.errors import Invalid

DEPTH = 50  # at most
ELEMENTS = 300_000  # at most; FOSDEM 2025 has 30,000
CHUNK = 1 << 16  # bytes


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

    def text_of(self, tag: str) -> str:
        """The text of the first child with this tag, or an empty text."""
        found = self.child(tag)
        return found.text if found else ""

    def find_all(self, *tags: str) -> list["Element"]:
        """The descendants on this path of tags."""
        found = [self]
        for tag in tags:
            found = [child for one in found for child in one.children if child.tag == tag]
        return found


class Parser:
    """Calls `is_wanted` with each element that opens and its depth, from 0. Calls `on_element`
    with each that was wanted when it closes, with all that it holds."""

    def __init__(
        self, is_wanted: Callable[[Element, int], bool], on_element: Callable[[Element], None]
    ) -> None:
        self._is_wanted, self._on_element = is_wanted, on_element
        self._depth = 0
        self._open: list[Element] = []
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
        except (LookupError, ValueError) as error:  # from the declared encoding
            raise Invalid("", (self._here(), f"cannot be read: {error}")) from None

    def _here(self) -> str:
        line, column = self._expat.CurrentLineNumber, self._expat.CurrentColumnNumber
        return f"line {line}, column {column + 1}"

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self._here())
        if self._depth >= DEPTH:
            raise Invalid("", (element.where, f"is nested deeper than {DEPTH}"))
        if self._open or self._is_wanted(element, self._depth):
            self._keep(element)
        self._depth += 1

    def _keep(self, element: Element) -> None:
        self._count += 1
        if self._count > ELEMENTS:
            raise Invalid("", (element.where, f"has more than {ELEMENTS} elements"))
        if self._open:
            self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if self._open:
            element = self._open.pop()
            if not self._open:
                self._on_element(element)

    def _text(self, written: str) -> None:
        if self._open:
            self._open[-1].parts.append(written)

    def _declared(
        self, tag: str, name: str, kind: str, default: str | None, required: bool
    ) -> None:
        """A default is added to every such element, so that a small file may become a huge one."""
        if default is not None:
            self._refuse("gives an attribute a default")()

    def _refuse(self, what: str) -> Callable[..., Any]:
        def refuse(*_: object) -> None:
            raise Invalid("", (self._here(), f"{what}: that is refused"))

        return refuse
