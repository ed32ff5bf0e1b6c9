"""HTML, as descriptions of sessions are written in it, made plain text.

A tag is read by the parser of the standard library, one tag at a time: given the whole text, that
parser looks for the end of a tag that is never closed through all the rest of it, once from each
such tag, which takes minutes where there are many.
"""

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

from msgspec import Struct

BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "dd", "div", "dl", "dt", "figure"),
        *("footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"),
    ]
)
INLINE = frozenset(
    [
        *("a", "abbr", "b", "big", "br", "center", "cite", "code", "del", "em", "font", "i"),
        *("img", "ins", "kbd", "mark", "q", "s", "small", "span", "strike", "strong", "sub"),
        *("sup", "tt", "u", "var"),
    ]
)
WITH_PARAGRAPHS = BLOCKS | {"br"}

# Comments, scripts and styles. One that is never closed reaches to the end of the text.
HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.I)
# Only the names that HTML has begin a tag: `vector<int>` is text.
TAG = re.compile(rf"<(/?(?:{'|'.join(BLOCKS | INLINE)}))(?=[\t\n\r\f />])", re.I | re.A)
# The rest of one that has a bracket in a quoted value. Where there is none, it was looked for up to
# the next `<` that no quote holds. A mark swaps two of the three states that a place may be in (no
# quote, one kind, the other), so from three tags on two agree where each `<` is, and all of these
# looks together read no text more than three times.
REST = re.compile(r"""(?:[^"'<>]|"[^"]*"|'[^']*')*+>""")


class Tag(Struct, frozen=True):
    name: str  # in lower case
    opens: bool


class _Parser(HTMLParser):
    """Splits HTML into its texts and tags."""

    pieces: list[str | Tag]

    def split(self, tag: str, rest: str) -> list[str | Tag]:
        """One tag (`a` or `/a`) and what follows it up to the next `<`. Entities stay as they are:
        the parser decodes the escapes that are made here."""
        self.pieces = []
        self.reset()
        self.feed(f"<{tag}" + rest.replace("&", "&amp;"))
        self.close()
        return self.pieces

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.pieces.append(Tag(tag, True))

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.handle_starttag(tag, attrs)  # in HTML, the slash of <td/> means nothing

    def handle_endtag(self, tag: str) -> None:
        self.pieces.append(Tag(tag, False))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def without_tags(text: str) -> str:
    """The text of HTML: blocks stand apart from each other, white space is one space. Where no tag
    makes a paragraph or a line, line ends and spaces stay as they are written."""
    text = HIDDEN.sub("", text)
    if "<" not in text:
        return text
    pieces = list(_pieces(text))
    if any(isinstance(piece, Tag) and piece.name in WITH_PARAGRAPHS for piece in pieces):
        return "".join(_paragraphs(pieces))
    return "".join(piece for piece in pieces if isinstance(piece, str))


def _pieces(text: str) -> Iterator[str | Tag]:
    parser, at = _Parser(), 0
    while tag := TAG.search(text, at):
        yield text[at : tag.start()]
        bracket = text.find("<", tag.end())
        at = bracket if bracket >= 0 else len(text)
        within = text[tag.end() : at]
        pieces = parser.split(tag[1], within) if ">" in within else ()
        if any(isinstance(piece, Tag) for piece in pieces):
            yield from pieces
        elif whole := REST.match(text, tag.end()):
            yield Tag(tag[1].lower().lstrip("/"), not tag[1].startswith("/"))
            at = whole.end()
        elif ">" in within:  # a quote is never closed: the tag ends as soon as it can
            yield from parser.split(tag[1], within[within.index(">") :])
        else:
            yield text[tag.start() : at]
    yield text[at:]


def _paragraphs(pieces: Iterable[str | Tag]) -> Iterator[str]:
    """White space is kept in <pre> alone."""
    preformatted = 0
    for piece in pieces:
        if isinstance(piece, str):
            yield piece if preformatted else re.sub(r"[ \t\r\n\f]+", " ", piece)
            continue
        if piece.name == "pre":
            preformatted = max(0, preformatted + (1 if piece.opens else -1))
        yield _separator(piece)


def _separator(tag: Tag) -> str:
    if tag.name == "li":
        return "\n- " if tag.opens else ""
    if tag.name in {"br", "tr"}:
        return "\n" if tag.opens else ""
    if tag.name in {"td", "th"}:
        return " "
    return "\n\n" if tag.name in BLOCKS else ""
