"""What a server says: one module for each kind of server that can look at a picture, and ``local``
for models that need none."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from clipwatch.interrogators.base import Interrogator
from clipwatch.interrogators.clipext import ClipExt
from clipwatch.interrogators.comfyui import Comfyui
from clipwatch.interrogators.comfyui_workflow import workflow_of
from clipwatch.interrogators.detecting import Detecting
from clipwatch.interrogators.generic import Generic
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.koboldcpp import KoboldCpp
from clipwatch.interrogators.local import Local
from clipwatch.interrogators.openai import Openai
from clipwatch.interrogators.sdapi import Sdapi
from clipwatch.interrogators.sdnext import SdNext
from clipwatch.interrogators.tagger import Tagger
from clipwatch.interrogators.tagging import Thresholds
from clipwatch.settings import BackendSettings


class Kind(Protocol):
    """How an interrogator is made: ``model`` is the default, ``monotonic`` counts seconds."""

    def __call__(
        self, server: Server, *, model: str, monotonic: Callable[[], float]
    ) -> Interrogator: ...


KINDS: Mapping[str, Kind] = {
    "sdapi": Sdapi,
    "sdnext": SdNext,
    "tagger": Tagger,
    "clipext": ClipExt,
    "koboldcpp": KoboldCpp,
    "comfyui": Comfyui,
    "openai": Openai,
    "generic": Generic,
}


async def build(
    backend: BackendSettings, *, monotonic: Callable[[], float], models: Path = Path("models")
) -> Interrogator:
    """The interrogator of one back end; ``close`` it in the end. ``models`` is the folder of pulled
    models.

    Nothing is sent or loaded yet: a back end of kind ``auto`` is looked at when it is first used.
    Raises ``SettingsError`` where it has a workflow that cannot be run.
    """
    if backend.kind == Local.kind:
        return await _local(backend, models, monotonic)
    workflow = workflow_of(backend)
    password = backend.password.get_secret_value() if backend.password else ""
    server = Server(
        backend.url,
        username=backend.username,
        password=password,
        headers={name: value.get_secret_value() for name, value in backend.headers.items()},
        query={name: value.get_secret_value() for name, value in backend.query.items()},
    )

    if workflow is not None:  # nothing but ComfyUI could run it
        return Comfyui(server, model=backend.model, monotonic=monotonic, workflow=workflow)

    def make(kind: str) -> Interrogator:
        return KINDS[kind](server, model=backend.model, monotonic=monotonic)

    if backend.kind != "auto":
        return make(backend.kind)
    return Detecting(server, make, monotonic=monotonic)


async def _local(backend: BackendSettings, models: Path, monotonic: Callable[[], float]) -> Local:
    local = Local(
        models,
        model=backend.model,
        provider=backend.provider,
        shown=Thresholds(backend.general_threshold, backend.character_threshold),
        batch_size=backend.batch_size,
        monotonic=monotonic,
    )
    await local.probe()  # so that it knows the names of its models
    return local
