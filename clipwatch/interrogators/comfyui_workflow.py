"""A workflow of the owner's own, as ComfyUI's "Export (API)" saves it: read, checked, filled in.

What is wrong with one is said when clipwatch starts, not when the first image is interrogated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from clipwatch.errors import SettingsError
from clipwatch.interrogators.comfyui_graph import RECIPES, SHOWS, Graph
from clipwatch.settings import BackendSettings

#: Stand for the picture wherever an input has exactly this value.
PLACEHOLDERS = ("%IMAGE%", "{{image}}")
FILE_LIMIT = 16 << 20
HINT_EXPORT = 'save it in ComfyUI with "Export (API)" of the Workflow menu'
HINT_IMAGE = "give the input that takes the picture the value %IMAGE%, or leave one LoadImage in it"
HINT_OUTPUT = "name the node that has the text in the setting output_node"
HINT_SAVES = (
    "take this node out, or put a PreviewImage in its place: what ComfyUI saves is found and "
    "interrogated in its turn"
)

TAGGERS = frozenset(recipe.look for recipe in RECIPES if recipe.tags)
#: Classes whose output is a text to be read, the more telling ones first.
SPEAKERS = (frozenset(name for name, _ in SHOWS), TAGGERS)
#: Saves nothing: sends the picture to who is connected.
_SAVES_NOT = frozenset(("SaveImageWebsocket",))


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow that can be run. Its inputs have ``PLACEHOLDERS`` for the picture."""

    file: Path
    nodes: Mapping[str, Any]
    output: str = ""  #: the node that has the text; empty: told by what a run puts out
    key: str = ""  #: where the node has it; empty: the first of those that are usual

    @property
    def name(self) -> str:
        """What it is called where models are named."""
        return self.file.stem

    def graph(self, picture: str) -> Graph:
        """The graph that describes ``picture``, a value of LoadImage."""
        return {
            number: {**node, "inputs": _filled(node["inputs"], picture)}
            for number, node in self.nodes.items()
        }

    def ends(self) -> tuple[str, ...]:
        """The nodes that can have the text: ``output``, or all that no other node takes up."""
        taken = {number for node in self.nodes.values() for number in _links(node)}
        return (self.output,) if self.output else tuple(n for n in self.nodes if n not in taken)

    def class_of(self, number: str) -> str:
        return _class(self.nodes[number])

    def shown(self, number: str, place: int, show: str, taking: str) -> "Workflow":
        """The workflow with a node of class ``show`` that puts out this node's text, its output at
        ``place``."""
        added = f"clipwatch-{number}"
        node = {"class_type": show, "inputs": {taking: [number, place]}}
        return replace(self, nodes={**self.nodes, added: node}, output=added, key="")

    def gives_tags(self, number: str) -> bool:
        """Whether the node's text is a tagger's, or comes straight from one."""
        near = [number, *_links(self.nodes[number])] if number in self.nodes else []
        return any(self.class_of(one) in TAGGERS for one in near if one in self.nodes)


def workflow_of(backend: BackendSettings) -> Workflow | None:
    """The workflow that the back end's settings name, None where they name none.

    Blocking. Raises ``SettingsError``, which names the file, where it cannot be run.
    """
    if backend.workflow is None:
        return None
    try:
        with backend.workflow.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise _wrong(backend.workflow, f"cannot be read: {error.strerror}") from error
    return parsed(data, backend.workflow, backend.output_node, backend.output_key)


def parsed(data: bytes, file: Path, output_node: str = "", output_key: str = "") -> Workflow:
    """The workflow in a file's bytes. Raises ``SettingsError`` where it cannot be run."""
    nodes = _nodes(data, file)
    if found := [f"{number} ({_class(node)})" for number, node in nodes.items() if saves(node)]:
        raise _wrong(file, f"saves images: node {', '.join(found[:5])}", HINT_SAVES)
    if output_node and output_node not in nodes:
        known = ", ".join(list(nodes)[:20])
        raise _wrong(file, f"has no node {output_node!r} for output_node", f"it has {known}")
    return Workflow(file, _placed(nodes, file), output_node or _speaker(nodes, file), output_key)


def saves(node: Mapping[str, Any]) -> bool:
    """Whether the node writes a picture where the owner keeps his own, by its name and switches.

    What it misses is seen in what the first run puts out.
    """
    inputs, name = node["inputs"], _class(node)
    if inputs.get("save_output") is True:  # VHS_VideoCombine
        return True
    if str(inputs.get("image_output", "")).lower().endswith("save"):  # ComfyUI-Easy-Use
        return True
    return "save" in name.lower() and name not in _SAVES_NOT


def _nodes(data: bytes, file: Path) -> dict[str, Any]:
    if len(data) > FILE_LIMIT:
        raise _wrong(file, f"is larger than {FILE_LIMIT >> 20} MiB")
    try:
        tree = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise _wrong(file, f"is not valid JSON: {error}") from error
    if isinstance(tree, dict) and isinstance(tree.get("prompt"), dict):
        tree = tree["prompt"]
    if isinstance(tree, dict) and "nodes" in tree and "links" in tree:
        raise _wrong(file, "is a workflow as ComfyUI's editor keeps it, which cannot be queued")
    if not isinstance(tree, dict) or not tree or not all(map(_is_node, tree.values())):
        raise _wrong(file, "is no workflow in ComfyUI's API format")
    return tree


def _is_node(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("class_type"), str)
        and isinstance(value.get("inputs"), dict)
    )


def _placed(nodes: dict[str, Any], file: Path) -> dict[str, Any]:
    """The nodes with a placeholder for the picture: theirs, or else in the one LoadImage."""
    if any(_has_placeholder(node["inputs"]) for node in nodes.values()):
        return nodes
    takers = [
        number
        for number, node in nodes.items()
        if _class(node).startswith("LoadImage") and isinstance(node["inputs"].get("image"), str)
    ]
    if len(takers) != 1:
        found = f"{len(takers)} nodes that load images" if takers else "no node that loads an image"
        raise _wrong(file, f"does not say where the picture goes: it has {found}", HINT_IMAGE)
    (number,) = takers
    inputs = {**nodes[number]["inputs"], "image": PLACEHOLDERS[0]}
    return {**nodes, number: {**nodes[number], "inputs": inputs}}


def _speaker(nodes: Mapping[str, Any], file: Path) -> str:
    """The one node known to put out a text, empty where none is."""
    for classes in SPEAKERS:
        found = [number for number, node in nodes.items() if _class(node) in classes]
        if len(found) > 1:
            several = ", ".join(f"{number} ({_class(nodes[number])})" for number in found)
            raise _wrong(file, f"has more than one text to choose from: {several}", HINT_OUTPUT)
        if found:
            return found[0]
    return ""


def _has_placeholder(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_placeholder, value.values()))
    if isinstance(value, list):
        return any(map(_has_placeholder, value))
    return isinstance(value, str) and value in PLACEHOLDERS


def _filled(value: Any, picture: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, picture) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, picture) for each in value]
    return picture if isinstance(value, str) and value in PLACEHOLDERS else value


def _links(node: Mapping[str, Any]) -> Sequence[str]:
    """The nodes that its inputs come from. A link is a list of a node's id and an output."""
    found = [value for value in node["inputs"].values() if isinstance(value, list)]
    return [one[0] for one in found if len(one) == 2 and isinstance(one[0], str)]


def _class(node: Mapping[str, Any]) -> str:
    name: str = node["class_type"]
    return name


def _wrong(file: Path, what: str, hint: str = HINT_EXPORT) -> SettingsError:
    return SettingsError(f"the workflow {file} {what}", hint=hint)
