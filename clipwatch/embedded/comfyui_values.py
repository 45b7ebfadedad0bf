"""What the inputs of a ComfyUI graph's nodes were when it ran, as far as that is certain.

A value is typed into a node, or comes over links from nodes that hold it, hand it on, choose or
join. What a language model or a wildcard made of it at run time stands nowhere, but for the nodes
that show a text and keep it: in the drawing, which is saved after the run, and in the graph.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from clipwatch.embedded.comfyui_switches import chosen
from clipwatch.embedded.graph import Graph, Link, Node

Value: TypeAlias = str | int | float

MAX_DEPTH = 60  #: of values that are joined from values
MAX_STEPS = 30_000  #: nodes looked at in one graph, each as often as it is
MAX_JOINED = 4_194_304  #: characters of all texts that are joined in one graph
MAX_HOPS = 100  #: reroutes and switches between two nodes

#: A node whose name has no other words than these only holds a value: "StringConstantMultiline".
HOLDER_WORDS = frozenset(
    re.findall(
        r"\w+",
        """primitive string text multiline constant literal simple input box value node prompt
        positive negative int integer float number seed cr was jw jps easy ttn rgthree kj o power
        area line user custom boolean everywhere""",
    )
)
HELD = ("value", "string", "text", "prompt", "seed", "positive", "negative", "int", "float")
PAIR = frozenset({"positive", "negative"})  #: a node with more inputs makes something of them
#: A wildcard node keeps what it made of its template; a template is no prompt.
POPULATED = "populated_text"
OPAQUE = re.compile(
    r"llm|gpt|ollama|claude|gemini|llama|qwen|vlm|joy|florence|blip|caption|tagg|wd14|interrogat"
    r"|describe|wildcard|random|generat|enhanc|styl|translat|expan|replace|regex|load|read|pick"
    r"|magic|super|convert|revers|shuffl|upper|lower|trim|split|extract|filter|refin|improv|rewrit|[a-z]2[a-z]"
)
#: How the name of a node ends that holds a text, before its extension's: "DF_Text_Box".
HOLDER = re.compile(r"(?:text|string|prompt|literal|multiline|box)[\W_]*(?:[(\[|].*)?$")
#: "__animal__", also with what the extensions allow in between: "__season(time=winter)__". The
#: length has a bound, and only the first bar of "{cat|dog}" is looked for: both keep it linear.
TEMPLATE = re.compile(r"__[^\n]{1,200}?__|\{[^{}|]*\|[^{}]*\}|\$\{")
#: In the name of a node that fills in a template, and hands on a text that is none,
FILLING = re.compile(r"wildcard|dprandom|dynamic ?prompt")
#: unless it does more: reads a file of that name, picks a line, puts something to the text.
CHANGING = re.compile(r"llm|gpt|load|read|file|pick|line|enhanc|translat|fix$|append|concat")
FILLED = ("text", "wildcard_text", "prompt")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Za-z][a-z]*|2(?=[A-Za-z])")

SHOWING = re.compile(r"show|display|preview|debug|view|print|purge|clean|any$|reroute")
#: In the name of a node that does not hand a text on as it is, other than what frees memory.
TIDYING = re.compile(
    r"(?:text|prompt|string|tags?)[\W_]*clean|clean[\W_]*(?:text|prompt|string|tag)"
)
SHOWN_INPUTS = ("text", "source", "anything", "any_input", "any", "input", "value", "string")
#: What these keep is of the run before: they tell the editor what they show, and not the file.
STALE = frozenset({"PreviewAny"})
#: Where the graph has what a node showed at the run before, mostly the same text.
CACHES = ("text_0", "text2", "result", "text")

JOINING = re.compile(r"concat|join|append|combine|merge|stringfunction")
SEPARATORS = ("delimiter", "separator", "delimeter", "sep", "seperator", "join_with")
#: Whole words: "lineart" and "resulting_text" are no settings.
JOIN_SETTINGS = re.compile(
    r"(?<![a-z])(?:clean_whitespace|input_?count|return_list|tidy_tags|action|update|mode|result"
    r"|count|skip|(?:new_?)?lines?(?:_?breaks?)?)(?![a-z])"
)
#: In the name of an input, what tells that only some of the parts are joined.
CHOOSING = re.compile(r"enabl|toggle|activ|switch|weight")
#: What the texts are called that are joined.
PART = re.compile(
    r"te?xt|str|prompt|part|tag|word|phrase|value|input|fix$|before|after|append|pend$|^pre|^post"
    r"|positive|negative|style|subject|[0-9]$|^[a-z]$|(?:_|^)any"
)
#: Some are named rather than written: "comma", "newline".
NAMED_SEPARATOR = re.compile(r"[a-z]{4,}")
#: In the name of an input, what tells that a language model joins the parts.
INSTRUCTING = re.compile(r"model|instruct|system|api")
#: The inputs of the nodes that replace a part of a text, and cut off the blanks around it.
REPLACING = {"string", "find", "replace"}
TRIMMING = {"string", "mode"}
TRIMS = {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip}
#: Where a part stands that is not numbered.
PLACES = {"prefix": -1, "prepend": -1, "pre": -1, "before": -1, "suffix": 1, "after": 1, "post": 1}


class Values:
    """The values of one graph. ``shown`` gives the texts that nodes displayed, by id.

    An empty one may be that of a node that did not write down what it showed.
    """

    __slots__ = ("_depth", "_displayed", "_joined", "_known", "_shown", "_steps", "graph")

    def __init__(self, graph: Graph, shown: Callable[[], Mapping[str, str]] = dict) -> None:
        self.graph = graph
        self._shown = shown
        self._displayed: Mapping[str, str] | None = None
        self._known: dict[Link, Value | None] = {}
        self._depth = 0
        self._steps = MAX_STEPS
        self._joined = MAX_JOINED

    def of(self, node: Node, name: str) -> Value | None:
        """An input's value; None where it is not certain."""
        value = node.inputs.get(name)
        if isinstance(value, (str, int, float)):
            return value
        return self.behind(node.links[name]) if name in node.links else None

    def text(self, node: Node, name: str) -> str | None:
        """An input's value where it is text."""
        value = self.of(node, name)
        return value if isinstance(value, str) else None

    def setting(self, node: Node, name: str) -> Value | None:
        """An input's value, also from a node with an input of the same name that selects it."""
        if name not in node.links:
            return self.of(node, name)
        for _ in range(MAX_HOPS):
            source = self.graph[self.source(node.links[name]).node_id]
            if name not in source.inputs:
                break
            node = source
            if name not in node.links:
                break
        return self.of(node, name)

    def source(self, link: Link) -> Link:
        """Where a link really begins: behind reroutes, and switches whose choice is known."""
        for _ in range(MAX_HOPS):
            node = self.graph[link.node_id]
            name = chosen(node, self.of)
            if name is None or name not in node.links:
                break
            link = node.links[name]
        return link

    def along(self, node: Node, names: Sequence[str]) -> Iterator[Node]:
        """The nodes that one reaches by the first of these inputs that is a link, again and again.

        A node with a single link that is none of them is a reroute and stepped through.
        """
        seen: set[str] = set()
        while link := _onward(node, names):
            link = self.source(link)
            if link.node_id in seen:
                return
            seen.add(link.node_id)
            node = self.graph[link.node_id]
            yield node

    def spend(self, inputs: int = 0) -> bool:
        """Whether there is still a step left to look at one more node of this graph.

        One with many inputs to look through costs more.
        """
        self._steps -= 1 + inputs // 8
        return self._steps >= 0

    def behind(self, link: Link) -> Value | None:
        """What a node hands out; a node that is not understood hands out None."""
        if link in self._known:
            return self._known[link]
        node = self.graph[link.node_id]
        if self._depth > MAX_DEPTH or not self.spend(len(node.inputs)):
            return None
        self._known[link] = None  # for those who come round in a circle
        self._depth += 1
        value = self._known[link] = self._made(node, link.slot)
        self._depth -= 1
        return value

    def _made(self, node: Node, slot: int) -> Value | None:
        if (name := chosen(node, self.of)) is not None:
            return self.of(node, name)
        kind = node.kind.lower()
        if JOINING.search(kind):
            return None if OPAQUE.search(kind) else self._join(node)
        if SHOWING.search(kind):
            return None if TIDYING.search(kind) else self._show(node)
        if node.inputs.keys() in (REPLACING, TRIMMING):
            return self._edited(node)
        if len(node.inputs) == 1 and "not" in _words(node.kind):
            value = self.of(node, *node.inputs)
            return not value if isinstance(value, bool) else None
        name = _held(node, kind, slot)
        value = None if name is None else self.of(node, name)
        is_open = name != POPULATED and FILLING.search(kind) and is_template(value)
        return None if is_open else value

    def _show(self, node: Node) -> Value | None:
        """What a node displays: what it is given, else what it wrote into the drawing in this run,
        else what it kept of the last one."""
        name = next((name for name in SHOWN_INPUTS if name in node.links), None)
        value = self.of(node, name) if name else None
        if value is not None or node.kind in STALE:
            return value
        if self._displayed is None:
            self._displayed = self._shown()
        displayed = self._displayed.get(node.node_id)
        if displayed is not None:
            return displayed or None
        if "text_1" in node.inputs:  # each picture is made of one of them
            return None
        return next(
            (text for name in CACHES if isinstance(text := node.inputs.get(name), str)), None
        )

    def _edited(self, node: Node) -> str | None:
        """What ComfyUI's own nodes make of a text: one replaces a part, one cuts off blanks."""
        text, find, replace = (self.text(node, name) for name in ("string", "find", "replace"))
        if "mode" in node.inputs:
            trim = TRIMS.get(str(node.inputs["mode"]))
            return trim(text) if trim and text is not None else None
        if text is None or not find or replace is None:
            return None
        self._joined -= len(text) + text.count(find) * len(replace)
        return text.replace(find, replace) if self._joined >= 0 else None

    def _join(self, node: Node) -> str | None:
        """The parts in the order of their names, with the separator between them."""
        if node.inputs.get("action", "append") != "append" or _is_instructed(node.inputs):
            return None
        if node.inputs.get("return_list") is True:  # each picture is made of one part then
            return None
        if any(map(CHOOSING.search, node.inputs)):
            return None
        separator = self._separator(node)
        if separator is None:
            return None
        names = _part_names(node)
        parts = [self.of(node, name) for name in names]
        if not parts or None in parts or not all(PART.search(name.lower()) for name in names):
            return None
        texts = [text for text in map(str, parts) if text]
        self._joined -= sum(map(len, texts)) + len(separator) * len(texts)
        return separator.join(texts) if self._joined >= 0 else None

    def _separator(self, node: Node) -> str | None:
        for name in SEPARATORS:
            if name in node.inputs:
                value = self.of(node, name)
                is_clear = isinstance(value, str) and not NAMED_SEPARATOR.fullmatch(value)
                return str(value).replace("\\n", "\n") if is_clear else None
        if "mode" in node.inputs:
            return None
        if "linebreak_addition" in node.inputs:
            return "\n" if node.inputs["linebreak_addition"] == "true" else ""
        return ", " if node.inputs.get("tidy_tags") == "yes" else ""


def _onward(node: Node, names: Sequence[str]) -> Link | None:
    for name in names:
        if name in node.links:
            return node.links[name]
    if len(node.links) == 1 and len(node.inputs) == 1:
        return next(iter(node.links.values()))
    return None


def _held(node: Node, kind: str, slot: int) -> str | None:
    """The one input whose value a node hands on unchanged."""
    if POPULATED in node.inputs:
        return POPULATED
    if node.inputs.keys() >= PAIR:
        is_plain = node.inputs.keys() == PAIR and not OPAQUE.search(kind)
        return ("positive", "negative")[slot] if is_plain and slot in (0, 1) else None
    words = _words(node.kind)
    if words and node.kind.isascii() and words <= HOLDER_WORDS:
        return _held_of_several(node.inputs, slot)
    if slot == 0 and FILLING.search(kind) and not CHANGING.search(kind):
        return next((name for name in FILLED if name in node.inputs), None)
    return _only_text(node.inputs) if HOLDER.search(kind) and not OPAQUE.search(kind) else None


def _words(kind: str) -> set[str]:
    return {word.lower() for word in WORD.findall(kind)}


def _held_of_several(inputs: Mapping[str, Any], slot: int) -> str | None:
    """Further outputs belong to further texts; an index picks one line of a text or more."""
    if len(inputs) == 1:
        return next(iter(inputs))
    if slot > 0 or any("index" in name for name in inputs):
        return None
    return next((name for name in HELD if name in inputs), None)


def _only_text(inputs: Mapping[str, Any]) -> str | None:
    """The name of a node's single input, where it is a text that somebody typed."""
    if len(inputs) != 1:
        return None
    [(name, value)] = inputs.items()
    return name if name.lower() in HELD and isinstance(value, str) else None


def _is_instructed(inputs: Iterable[str]) -> bool:
    return any(INSTRUCTING.search(name.lower()) for name in inputs)


def _part_names(node: Node) -> list[str]:
    names: Iterable[str] = (
        name
        for name, value in node.inputs.items()
        if (isinstance(value, str) or name in node.links)
        and name not in SEPARATORS
        and not JOIN_SETTINGS.search(name.lower())
    )
    return sorted(names, key=_place)


def _place(name: str) -> tuple[int, int, str]:
    """Sorts "text_10" behind "text_2"; a part without a number comes first."""
    stem = name.rstrip("0123456789")
    number = name[len(stem) :]
    return PLACES.get(stem.lower().rstrip("_"), 0), int(number[:9] or 0), stem


def is_template(value: object) -> bool:
    """Whether a node that fills in wildcards would make something else of it."""
    return isinstance(value, str) and TEMPLATE.search(value) is not None
