"""XMP: properties as RDF in XML (ISO 16684-1), which every format can carry.

A small part of RDF is enough: whatever stands in an element or attribute that is not RDF's own is
a property's value, of lists and languages the first. Entities cannot be declared, so that none can
be expanded into billions.
"""

from collections.abc import Mapping
from xml.parsers import expat

from clipwatch.embedded.base import MAX_TEXT, MAX_TEXTS, Text, Texts

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
#: Their elements and attributes say how a value is built, not what it is.
GRAMMAR = frozenset({RDF, "adobe:ns:meta/", "http://www.w3.org/XML/1998/namespace", ""})
MAX_DEPTH = 100
PADDING = b"\0 \t\r\n"


class _TooMuch(Exception):
    """The document declares entities, is nested too deeply or has too many properties."""


class _Properties:
    """Collects properties while expat reads; ``found`` holds those whose end has been seen."""

    def __init__(self) -> None:
        self.found: dict[str, Text] = {}
        self._names: list[str] = []  #: "prefix:local" of the property that each open element is in
        self._texts: list[list[str]] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        space, named = _split(name)
        if len(self._names) >= MAX_DEPTH:
            raise _TooMuch
        outer = self._names[-1] if self._names else ""
        own = outer if space in GRAMMAR else named
        self._names.append(own)
        self._texts.append([])
        for key, value in attributes.items():
            space, named = _split(key)
            if space not in GRAMMAR:
                self._note(named, value)
            elif key.startswith(f"{RDF} resource"):
                self._note(own, value)

    def text(self, data: str) -> None:
        if self._texts:
            self._texts[-1].append(data)

    def end(self, _: str) -> None:
        self._note(self._names.pop(), "".join(self._texts.pop()).strip())

    def refuse(self, *_: object) -> None:
        raise _TooMuch

    def _note(self, name: str, value: str) -> None:
        key = f"XMP {name.rpartition(':')[2]}"
        if not name or not value or key in self.found:
            return
        if len(self.found) >= MAX_TEXTS:
            raise _TooMuch
        self.found[key] = Text(f"XMP {name}", lambda: value)


def texts(packet: bytes) -> Texts:
    """The properties of a packet, as far as it can be read; none where it is larger than 4 MiB."""
    properties = _Properties()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.namespace_prefixes = True
    parser.buffer_text = True
    parser.StartElementHandler = properties.start
    parser.EndElementHandler = properties.end
    parser.CharacterDataHandler = properties.text
    parser.StartDoctypeDeclHandler = properties.refuse
    parser.EntityDeclHandler = properties.refuse
    try:
        if len(packet) <= MAX_TEXT:
            parser.Parse(packet.strip(PADDING), True)
    except (expat.ExpatError, _TooMuch):
        return properties.found
    return properties.found


def _split(name: str) -> tuple[str, str]:
    """Namespace and "prefix:local" of what expat gives as "namespace local prefix"."""
    space, _, rest = name.partition(" ")
    if not rest:
        return "", space
    local, _, prefix = rest.partition(" ")
    return space, f"{prefix}:{local}" if prefix else local
