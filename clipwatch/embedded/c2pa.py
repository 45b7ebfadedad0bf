"""C2PA: who made it, in signed boxes (C2PA 2.2, sections 10 and 11; JUMBF, ISO 19566-5).

There is no prompt in it. Signatures are not checked: it is told what the file says, not that it is
true.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from clipwatch.embedded.base import MAX_CHUNKS, MAX_TEXT, Block, Content, Damaged
from clipwatch.embedded.boxes import boxes
from clipwatch.embedded.cbor import decode

MAX_DEPTH = 8
UUID_SIZE = 16
LABELLED = 2  # a bit of the description's toggles


def summary(content: Content, start: int, length: int) -> str:
    """JSON with three lists, each without repeats: ``generators`` (programs that signed),
    ``agents`` (models that acted) and ``sources`` (digital source types); 4 MiB are looked at.
    """
    said: dict[str, dict[str, None]] = {"generators": {}, "agents": {}, "sources": {}}
    block = Block(content.at(start, min(length, MAX_TEXT)))
    for label, data in _values(block, 0, block.size, "", 0):
        try:
            _note(said, label, decode(data))
        except Damaged:
            continue  # one assertion that cannot be read says nothing about the others
    return orjson.dumps({name: list(names) for name, names in said.items()}).decode()


def _values(
    block: Block, start: int, end: int, label: str, depth: int
) -> Iterator[tuple[str, bytes]]:
    """Label and bytes of every CBOR box, whose label stands in the superbox around it."""
    for kind, at, length in boxes(block, start, end):
        if kind == b"jumd":
            label = _label(block.at(at, length)) or label
        elif kind == b"cbor":
            yield label, block.at(at, length)
        elif kind == b"jumb" and depth < MAX_DEPTH:
            yield from _values(block, at, at + length, label, depth + 1)


def _label(description: bytes) -> str:
    toggles = description[UUID_SIZE : UUID_SIZE + 1]
    if not toggles or not toggles[0] & LABELLED:
        return ""
    return description[UUID_SIZE + 1 :].partition(b"\0")[0].decode("utf-8", "replace")


def _note(said: dict[str, dict[str, None]], label: str, value: Any) -> None:
    if not isinstance(value, dict):
        return
    if label.startswith("c2pa.claim"):
        infos = value.get("claim_generator_info")
        for info in infos if isinstance(infos, list) else [infos]:
            _add(said["generators"], _name(info))
        _add(said["generators"], value.get("claim_generator"))
    if label.startswith("c2pa.actions"):
        actions = value.get("actions")
        for action in actions if isinstance(actions, list) else []:
            if isinstance(action, dict):
                _add(said["agents"], _name(action.get("softwareAgent")))
                _add(said["sources"], action.get("digitalSourceType"))


def _name(value: Any) -> Any:
    """A program is named by a text, or by a map that has its name."""
    return value.get("name") if isinstance(value, dict) else value


def _add(names: dict[str, None], name: Any) -> None:
    if isinstance(name, str) and name and len(names) < MAX_CHUNKS:
        names[name.encode("utf-8", "replace").decode()] = None
