"""ComfyUI: a picture is uploaded, a small graph queued behind its owner's, and waited for."""

from collections.abc import Callable
from urllib.parse import quote

from clipwatch.errors import BackendFailed, BackendMisconfigured, Problem
from clipwatch.interrogators.aliases import is_alias, model_used
from clipwatch.interrogators.answer import RouteAbsent
from clipwatch.interrogators.base import Activity, Auth, Capabilities, Picture
from clipwatch.interrogators.caption import checked, tags_in
from clipwatch.interrogators.comfyui_graph import RECIPES, SHOWS, Installed, Node, Recipe
from clipwatch.interrogators.comfyui_history import (
    HINT_OUTPUT,
    activity_in,
    savers_in,
    speaker_in,
    text_of,
)
from clipwatch.interrogators.comfyui_run import POLL_SECONDS, Runs
from clipwatch.interrogators.comfyui_workflow import HINT_SAVES, Workflow
from clipwatch.interrogators.exchange import absent_model, unknown_model
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.probing import looked_at
from clipwatch.interrogators.spoken import spoken
from clipwatch.interrogators.tag_scores import unsure, written
from clipwatch.interrogators.webui import text_or_none
from clipwatch.model import Caption

HINT_NODE = (
    "install ComfyUI-WD14-Tagger (or Florence2, or JoyCaption) and restart ComfyUI, "
    "or set a workflow of your own"
)
HINT_MISSING = "install it in ComfyUI, or take it out of the workflow"
HINT_PATH = "check host, port and path of the back end's url: ComfyUI is not there"


class Comfyui:
    """Asks the first node of ``RECIPES`` that the server has, or else by its owner's ``workflow``.

    ``models`` are those that the node lists, which may not be on its disk: it downloads one when
    it is first asked for. A workflow has its models in it, and counts as one. ``poll`` is in
    seconds.
    """

    kind = "comfyui"
    modes: tuple[str, ...] = ()

    def __init__(
        self,
        server: Server,
        *,
        model: str,
        monotonic: Callable[[], float],
        workflow: Workflow | None = None,
        poll: float = POLL_SECONDS,
    ) -> None:
        self.url = server.url
        self.models: tuple[str, ...] = (model or (workflow.name if workflow else "clip"),)
        self._server = server
        self._default = model
        self._monotonic = monotonic
        self._workflow = workflow
        self._runs = Runs(server, poll=poll)
        self._saver = ""  #: the workflow's node that was seen to save images

    def accepts(self, model: str) -> bool:
        if self._workflow is None:
            return True
        return model in self.models or is_alias(self.kind, model)

    async def caption(self, picture: Picture, model: str) -> Caption:
        if self._workflow is not None:
            return await self._by_workflow(self._workflow, picture, model)
        installed = await self._installed()
        models = installed.models
        used = model_used(self.kind, model, self._default or next(iter(models), ""))
        if models and used not in models:
            raise absent_model(self.url, model, used, models)
        outputs = await self._runs.outputs(
            picture, lambda stored: installed.graph(stored, used), installed.output
        )
        text = text_of(outputs, installed.output)
        if text is None:
            raise BackendFailed(f"{self.url} finished without a text", hint="see ComfyUI's log")
        with self._server.discreet():
            return caption_in(text, used or installed.recipe.look, is_tags=installed.recipe.tags)

    async def activity(self) -> Activity:
        try:
            return activity_in(await self._runs.queue())
        except RouteAbsent as error:
            raise _elsewhere(error) from error

    async def probe(self) -> Capabilities:
        async def look() -> Capabilities:
            doing = await self.activity()
            return Capabilities(
                True,
                self.kind,
                busy=doing is not Activity.IDLE,
                product="ComfyUI",
                version=text_or_none(await self._runs.version()),
                models=await self._list(),
                scores=False,
                auth=Auth.ACCEPTED if self._server.has_credentials else Auth.OPEN,
            )

        return await looked_at(self.kind, self._server, look, self._monotonic)

    async def unload(self) -> bool:
        await self._server.tell("/free", b'{"unload_models":true,"free_memory":true}')
        return True

    async def close(self) -> None:
        await self._server.close()

    # --- by what is installed ------------------------------------------------------------------

    async def _list(self) -> tuple[str, ...]:
        """The models to choose from. Raises ``BackendMisconfigured`` where nothing could run, or
        the default is none of them."""
        if self._workflow is not None:
            self._refuse_a_saver(self._workflow)
            await self._audible(self._workflow)
            return self.models
        installed = await self._installed()
        if self._default and installed.models and self._default not in installed.models:
            raise absent_model(self.url, "", self._default, installed.models)
        return installed.models or (installed.recipe.look,)

    async def _installed(self) -> Installed:
        for recipe in RECIPES:
            if found := await self._equipped(recipe):
                return found
        raise BackendMisconfigured(
            f"ComfyUI at {self.url} has no node that describes pictures",
            hint=HINT_NODE,
            problem=Problem.MODEL_ABSENT,
        )

    async def _equipped(self, recipe: Recipe) -> Installed | None:
        """The recipe with its nodes, None where one of them is not installed."""
        look = await self._node(recipe.look)
        if look is None:
            return None
        loader = await self._first_node(recipe.loaders)
        if recipe.loaders and loader is None:
            return None
        if look.get("output_node") is True:
            return Installed(recipe, look, loader)
        show = await self._show()
        return Installed(recipe, look, loader, show) if show else None

    async def _show(self) -> tuple[str, str] | None:
        """The class of a node that puts a text out, and its input."""
        found = await self._first_node(tuple(name for name, _ in SHOWS))
        return (found[0], dict(SHOWS)[found[0]]) if found else None

    async def _first_node(self, names: tuple[str, ...]) -> tuple[str, Node] | None:
        for name in names:
            if (node := await self._node(name)) is not None:
                return name, node
        return None

    async def _node(self, name: str) -> Node | None:
        """The declaration of one class. That of all is many megabytes."""
        try:
            answer = await self._server.get(f"/object_info/{quote(name, safe='')}")
        except RouteAbsent as error:
            raise _elsewhere(error) from error
        node = answer.get(name) if isinstance(answer, dict) else None
        return node if isinstance(node, dict) else None

    # --- by a workflow -------------------------------------------------------------------------

    async def _by_workflow(self, workflow: Workflow, picture: Picture, model: str) -> Caption:
        if not self.accepts(model):
            raise unknown_model(self.url, model, self.models)
        self._refuse_a_saver(workflow)
        audible = await self._audible(workflow)
        outputs = await self._runs.outputs(picture, audible.graph, audible.output)
        self._saver = ", ".join(savers_in(outputs))
        self._refuse_a_saver(workflow)
        node = audible.output or speaker_in(outputs, self.url, audible.key)
        text = text_of(outputs, node, audible.key)
        if text is None:
            raise BackendMisconfigured(
                f"node {node} of the workflow {workflow.file} put out no text", hint=HINT_OUTPUT
            )
        with self._server.discreet():
            return caption_in(text, self.models[0], is_tags=audible.gives_tags(node))

    async def _audible(self, workflow: Workflow) -> Workflow:
        """The workflow as it is where one of its ends is an output; else with a node that puts out
        the text of the one end that has some. Raises ``BackendMisconfigured``."""
        texts: list[tuple[str, int]] = []
        for number in workflow.ends():
            name = workflow.class_of(number)
            node = await self._node(name)
            if node is None:
                raise BackendMisconfigured(
                    f"ComfyUI at {self.url} has no node {name}, "
                    f"which the workflow {workflow.file} needs",
                    hint=HINT_MISSING,
                    problem=Problem.MODEL_ABSENT,
                )
            if node.get("output_node") is True:
                return workflow
            types = node.get("output")
            if isinstance(types, list) and "STRING" in types:
                texts.append((number, types.index("STRING")))
        show = await self._show()
        if len(texts) != 1 or show is None:
            raise BackendMisconfigured(
                f"the workflow {workflow.file} puts nothing out", hint=HINT_OUTPUT
            )
        return workflow.shown(*texts[0], *show)

    def _refuse_a_saver(self, workflow: Workflow) -> None:
        if self._saver:
            raise BackendMisconfigured(
                f"the workflow {workflow.file} saves images: node {self._saver}", hint=HINT_SAVES
            )


def caption_in(text: str, model: str, *, is_tags: bool) -> Caption:
    """The caption of what a node put out: a text as it was spoken, or tags as prompts are written.

    Raises ``CaptionRejected`` for a failure in disguise, and where no tag passed.
    """
    if not is_tags:
        return Caption(spoken(text), model)
    if not text:
        raise unsure(model)
    text = checked(text)
    terms = [term.strip() for term in text.split(",") if term.strip()]
    return Caption(", ".join(map(written, terms)), model, tags_in(terms))


def _elsewhere(error: RouteAbsent) -> BackendMisconfigured:
    return RouteAbsent(error.message, hint=HINT_PATH, problem=Problem.WRONG_KIND)
