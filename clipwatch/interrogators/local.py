"""Taggers on this machine, without any server: ONNX models of the WD family, in folders.

The model is loaded when it is first asked, in a thread, where it also runs; what is asked while it
runs is taken together, up to ``batch_size`` pictures at once. One model is loaded at a time.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from clipwatch.errors import (
    BackendMisconfigured,
    CaptionRejected,
    ModelUnknown,
    PictureRejected,
    Problem,
)
from clipwatch.interrogators.aliases import is_alias, model_used
from clipwatch.interrogators.base import Activity, Auth, Capabilities, Picture
from clipwatch.interrogators.local_folder import (
    LABELS_FILE,
    MODEL_FILE,
    RECOMMENDED,
    damaged,
    hint_to_pull,
    listed,
    located,
    meant_by,
    name_of,
)
from clipwatch.interrogators.tag_scores import Thresholds, caption_of
from clipwatch.model import Caption

if TYPE_CHECKING:  # it needs the extra
    from clipwatch.interrogators.local_model import LocalModel, Scores

PRODUCT = "ONNX Runtime"
#: Packages that bring it.
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
#: Tags that no picture has at once.
MOST_SURE = 1000
HINT_EXTRA = "pip install 'clipwatch[local]'"


@dataclass(slots=True, eq=False)
class _Asked:
    """A picture that waits for its scores; ``found`` is what came of it."""

    picture: Picture
    model: str
    found: "Scores | PictureRejected | None" = None
    used: str = ""


class Local:
    """The models in the folder ``models``; ``model`` is the one to use where none is asked for: a
    name, the absolute path of a folder, or empty for the first that is there."""

    kind = "local"
    modes: tuple[str, ...] = ()

    def __init__(
        self,
        models: Path,
        *,
        model: str,
        provider: str,
        shown: Thresholds,
        batch_size: int,
        monotonic: Callable[[], float],
    ) -> None:
        self.url = f"local:{model if model.startswith('/') else models}"
        self._folder = models
        self._default = meant_by(model)
        self._provider = provider
        self._shown = shown
        self._batch_size = batch_size
        self._monotonic = monotonic
        self._loaded: tuple[Path, LocalModel] | None = None
        self._waiting: list[_Asked] = []
        self._turn = asyncio.Lock()
        self._run: asyncio.Future[None] | None = None
        self.models = self._offered(())

    def accepts(self, model: str) -> bool:
        return is_alias(self.kind, model) or name_of(model) in self.models

    async def caption(self, picture: Picture, model: str) -> Caption:
        asked = _Asked(picture, self._meant(model))
        self._waiting.append(asked)
        try:
            async with self._turn:
                await self._rest()
                if asked.found is None:  # else it was in the batch of another one
                    await self._in_thread(partial(self._look, self._batch_of(asked)))
        finally:
            self._waiting.remove(asked)
        assert asked.found is not None
        if isinstance(asked.found, PictureRejected):
            raise asked.found
        return self._caption(asked.found, asked.used)

    async def activity(self) -> Activity:
        return Activity.OURS if self._run and not self._run.done() else Activity.IDLE

    async def probe(self) -> Capabilities:
        started = self._monotonic()
        try:
            version = await asyncio.to_thread(self._check)
        except BackendMisconfigured as error:
            return Capabilities(
                False,
                self.kind,
                problem=error.problem,
                reason=error.message,
                hint=error.hint,
                product=PRODUCT,
            )
        return Capabilities(
            True,
            self.kind,
            busy=await self.activity() is Activity.OURS,
            product=PRODUCT,
            version=version,
            models=self.models,
            scores=True,
            auth=Auth.OPEN,
            latency_ms=round((self._monotonic() - started) * 1000),
        )

    async def unload(self) -> bool:
        """Give the model's memory back; the next picture loads it again."""
        async with self._turn:
            await self._rest()
            if self._loaded is not None:
                await asyncio.to_thread(self._drop)
        return True

    async def close(self) -> None:
        await self.unload()

    def _drop(self) -> None:
        from clipwatch.interrogators.local_runtime import give_memory_back

        self._loaded = None
        give_memory_back()

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """Do it; where the call is cancelled the thread goes on, and ``_rest`` waits for it."""
        self._run = asyncio.ensure_future(asyncio.to_thread(work))
        # Whoever asked may be gone by then; nobody else wants to know.
        self._run.add_done_callback(lambda run: run.cancelled() or run.exception())
        await asyncio.shield(self._run)

    async def _rest(self) -> None:
        if self._run is not None:
            await asyncio.wait({self._run})

    def _batch_of(self, first: _Asked) -> Sequence[_Asked]:
        others = [
            asked
            for asked in self._waiting
            if asked is not first and asked.found is None and asked.model == first.model
        ]
        return [first, *others[: self._batch_size - 1]]

    def _look(self, batch: Sequence[_Asked]) -> None:
        """Find the scores of a batch; in the thread."""
        folder = self._find(batch[0].model)
        if self._loaded is None or self._loaded[0] != folder:
            self._loaded = None  # before the next one takes its memory as well
            self._loaded = folder, _load(folder, self._provider)
        found = self._loaded[1].scores([asked.picture for asked in batch])
        for asked, each in zip(batch, found, strict=True):
            asked.used, asked.found = _called(folder), each

    def _find(self, model: str) -> Path:
        """The folder of the model. Raises ``InterrogatorError`` where there is none."""
        names = listed(self._folder)
        self.models = self._offered(names)
        is_default = model == self._default
        if is_default or model in names:
            folder = located(self._folder, model)
            if folder is not None:
                return folder
        if not is_default:
            raise ModelUnknown(
                f"{self._folder} has no model {model!r}", known=names, hint=hint_to_pull(model)
            )
        if model.startswith("/"):
            raise BackendMisconfigured(
                f"{model} is no folder with a {MODEL_FILE}",
                hint="correct the back end's model, or leave it out to use one that was pulled",
                problem=Problem.MODEL_ABSENT,
            )
        raise BackendMisconfigured(
            f"{self._folder} has no model{f' {model!r}' if model else ''}",
            hint=hint_to_pull(model or RECOMMENDED),
            problem=Problem.MODEL_ABSENT,
        )

    def _check(self) -> str:
        """The version of ONNX Runtime. Raises ``BackendMisconfigured`` for what would keep the
        default model from being loaded, as far as that is seen from outside."""
        folder = self._find(self._default)
        if not (folder / LABELS_FILE).is_file():
            raise damaged(f"{folder} has no {LABELS_FILE}")
        try:
            return next(filter(None, map(_version, RUNTIMES)))
        except StopIteration as error:
            raise _without_extra("there is no ONNX Runtime") from error

    def _offered(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names to ask for: the default one first."""
        default = self._default
        if default.startswith("/"):
            default = _called(Path(default))
        first = default or next(iter(names), RECOMMENDED)
        return tuple(dict.fromkeys((first, *names)))

    def _meant(self, model: str) -> str:
        """The name in the folder, or the default's path: a path is not for clients to ask for."""
        name = name_of(model_used(self.kind, model, self._default))
        is_path = self._default.startswith("/") and name == _called(Path(self._default))
        return self._default if is_path else name

    def _caption(self, scores: "Scores", model: str) -> Caption:
        try:
            return caption_of(
                scores["general"],
                scores["rating"],
                characters=scores["character"],
                model=model,
                shown=self._shown,
            )
        except CaptionRejected as error:
            if sum(score > self._shown.general for score in scores["general"].values()) > MOST_SURE:
                raise damaged(f"{model} is sure of everything at once: it is broken") from error
            raise PictureRejected(
                f"{model} is sure of nothing in this picture",
                hint="lower the back end's general_threshold, or ask another model",
            ) from error


def _called(folder: Path) -> str:
    """The name of the model in a folder."""
    return folder.name.replace("--", "/")


def _load(folder: Path, provider: str) -> "LocalModel":
    try:
        from clipwatch.interrogators.local_model import LocalModel
    except ImportError as error:
        raise _without_extra(str(error)) from error
    return LocalModel(folder, provider)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _without_extra(reason: str) -> BackendMisconfigured:
    return BackendMisconfigured(
        f"local models need more packages: {reason}", hint=HINT_EXTRA, problem=Problem.FAILED
    )
