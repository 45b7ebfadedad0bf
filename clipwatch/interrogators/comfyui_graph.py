"""ComfyUI's graphs that look at a picture, built from what its nodes declare. Pure.

A node's declaration is what ``/object_info/<class>`` says of it: every required input has a type,
or the list of its choices, and often a default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clipwatch.errors import BackendMisconfigured

Graph = dict[str, dict[str, Any]]
Node = Mapping[str, Any]  #: the declaration of one class

PICTURE, LOADER, LOOK, SHOW = "1", "2", "3", "4"  #: ids in our graphs
#: Nodes that make a text an output, with their inputs; old servers have the second one only.
SHOWS = (("PreviewAny", "source"), ("ShowText|pysssss", "text"))
#: For inputs that declare neither choices nor a default.
_BLANK: Mapping[str, Any] = {"STRING": "", "BOOLEAN": False, "INT": 0, "FLOAT": 0.0}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one node is asked."""

    look: str  #: the class that looks at the picture
    model: str = "model"  #: the input that names the model, of the loader where there is one
    text: int = 0  #: which of its outputs is the text
    loaders: tuple[str, ...] = ()  #: classes that load its model, the better one first
    loaded: str = ""  #: the input that takes what is loaded
    given: Mapping[str, Any] = field(default_factory=dict)  #: where the default is not good
    tags: bool = False  #: the text is a list of tags


#: The first one that is installed is used.
RECIPES = (
    Recipe("WD14Tagger|pysssss", tags=True),
    Recipe(
        "Florence2Run",
        text=2,
        loaders=("DownloadAndLoadFlorence2Model", "Florence2ModelLoader"),
        loaded="florence2_model",
        given={"task": "more_detailed_caption"},
    ),
    Recipe("JC"),
    Recipe("JC_GGUF"),
    Recipe("ComfyUIClipInterrogator", model="model_name"),
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A recipe with the declarations of the nodes that it needs, as this server has them."""

    recipe: Recipe
    look: Node
    loader: tuple[str, Node] | None = None
    show: tuple[str, str] | None = None  #: class and input; None where ``look`` is an output

    @property
    def models(self) -> tuple[str, ...]:
        """The models to choose from; the declared default comes first."""
        spec = _required(self._chooser).get(self.recipe.model)
        found = tuple(each for each in _choices(spec) if isinstance(each, str))
        default = _options(spec).get("default")
        return (default, *(each for each in found if each != default)) if default else found

    @property
    def output(self) -> str:
        """The id of the node whose output is the text."""
        return SHOW if self.show else LOOK

    @property
    def _chooser(self) -> Node:
        return self.loader[1] if self.loader else self.look

    def graph(self, picture: str, model: str) -> Graph:
        """The graph that describes ``picture``, a value of LoadImage, with ``model`` if any.

        Raises ``BackendMisconfigured`` where a node requires what nobody can know.
        """
        recipe = self.recipe
        chosen = {recipe.model: model} if model else {}
        given = {**recipe.given, "image": [PICTURE, 0]}
        graph: Graph = {PICTURE: {"class_type": "LoadImage", "inputs": {"image": picture}}}
        if self.loader:
            name, node = self.loader
            graph[LOADER] = {"class_type": name, "inputs": filled(name, node, chosen)}
            given[recipe.loaded] = [LOADER, 0]
        else:
            given |= chosen
        graph[LOOK] = {"class_type": recipe.look, "inputs": filled(recipe.look, self.look, given)}
        if self.show:
            name, key = self.show
            graph[SHOW] = {"class_type": name, "inputs": {key: [LOOK, recipe.text]}}
        return graph


def filled(name: str, node: Node, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every required input of a node: as given, or else its default.

    Raises ``BackendMisconfigured`` for a required input that has neither.
    """
    return {
        key: given[key] if key in given else _default(name, key, spec)
        for key, spec in _required(node).items()
    }


def _default(name: str, key: str, spec: Any) -> Any:
    options, choices = _options(spec), _choices(spec)
    if "default" in options:
        return options["default"]
    if choices:
        return choices[0]
    kind = spec[0] if isinstance(spec, list) and spec else None
    if isinstance(kind, str) and kind in _BLANK:
        return options.get("min", _BLANK[kind])
    raise BackendMisconfigured(
        f"ComfyUI's node {name} requires {key}, and has no default for it",
        hint="install another version of this node, or ComfyUI-WD14-Tagger",
    )


def _required(node: Node) -> Mapping[str, Any]:
    inputs = node.get("input")
    required = inputs.get("required") if isinstance(inputs, dict) else None
    return required if isinstance(required, dict) else {}


def _options(spec: Any) -> Mapping[str, Any]:
    has_options = isinstance(spec, list) and len(spec) > 1 and isinstance(spec[1], dict)
    return spec[1] if has_options else {}


def _choices(spec: Any) -> list[Any]:
    """What to choose from: a list in place of the type; in newer nodes the options of a COMBO."""
    if not isinstance(spec, list) or not spec:
        return []
    choices = _options(spec).get("options") if spec[0] == "COMBO" else spec[0]
    return choices if isinstance(choices, list) else []
