"""What a server says: one module for each kind of server that can look at a picture, and ``local``
for models that need none.

Where to look, beside the kinds:

- the way there: ``picture`` (by ``picture_strip``) makes of a file what a server takes, ``body``
  and ``exchange`` the request, ``http`` sends it;
- the way back: ``answer`` tells a failure by status and words, ``caption`` a failure that calls
  itself a success; ``tag_scores`` and ``spoken`` read what is particular to taggers and to
  models that speak, ``openai_reply`` a chat completion;
- which server is it: ``detect`` looks once, ``auto`` is the kind that goes on looking, ``probing``
  puts what is wrong in words, with ``webui`` and ``openai_servers`` for what those programs tell;
  ``neighbours`` are others on this machine, ``trial`` has one look at a picture;
- ``aliases`` is the one table of model names; ``comfyui_*`` and ``local_*`` are parts of theirs.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from clipwatch.interrogators.auto import Auto
from clipwatch.interrogators.base import Interrogator
from clipwatch.interrogators.clipext import ClipExt
from clipwatch.interrogators.comfyui import Comfyui
from clipwatch.interrogators.comfyui_workflow import workflow_of
from clipwatch.interrogators.generic import Generic
from clipwatch.interrogators.http import Server
from clipwatch.interrogators.koboldcpp import KoboldCpp
from clipwatch.interrogators.local import Local
from clipwatch.interrogators.openai import Openai
from clipwatch.interrogators.sdapi import Sdapi
from clipwatch.interrogators.sdnext import SdNext
from clipwatch.interrogators.tag_scores import Thresholds
from clipwatch.interrogators.tagger import Tagger
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
    return Auto(server, make, monotonic=monotonic)


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
