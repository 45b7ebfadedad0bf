"""ONNX Runtime, as clipwatch uses it: quiet, on few threads, on the provider that was set.

Needs the extra ``local``.
"""

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path

# The official builds tell Microsoft of every session unless this is set before they are loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as bindings

from clipwatch.interrogators.local_folder import HINT_AGAIN, damaged
from clipwatch.printable import printable

#: What a provider is called here: its name in ONNX Runtime, and the package that brings it.
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
}
#: More threads hardly make a tagger faster, and the shipped unit allows 64 of all kinds.
MOST_THREADS = 8
#: Nothing below FATAL: what goes wrong is raised as well.
LOG_FATAL = 4
HINT_CUDA = 'install the CUDA libraries that onnxruntime-gpu asks for, or set provider = "cpu"'
#: Its own errors have no base but Exception.
ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    TypeError,
    MemoryError,
    *(one for one in vars(bindings).values() if isinstance(one, type) and Exception in one.__mro__),
)


def open_session(file: Path, provider: str) -> onnxruntime.InferenceSession:
    """The model in ``file``, ready to run on ``provider``.

    Raises ``BackendMisconfigured`` where the provider is not there or cannot start, or where the
    file holds no model.
    """
    name, package = PROVIDERS[provider]
    available = onnxruntime.get_available_providers()
    if name not in available:
        raise damaged(
            f"the installed ONNX Runtime has no {name}, only {', '.join(available)}",
            f'pip install {package} in place of onnxruntime, or set provider = "cpu"',
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = LOG_FATAL
    # Told how many, it pins none of them to a core, which the shipped unit forbids.
    options.intra_op_num_threads = min(MOST_THREADS, len(os.sched_getaffinity(0)))
    # Else they keep a core busy each for a while after every picture.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # Without a fall-back, which would print and take the CPU.
        session = onnxruntime.InferenceSession(
            str(file), options, providers=[name], enable_fallback=False
        )
    except ERRORS as error:
        hint = HINT_AGAIN if provider == "cpu" else HINT_CUDA
        raise damaged(f"{file} cannot be loaded: {reason_of(error)}", hint) from error
    if session.get_providers()[0] != name:
        raise damaged(f"{name} does not start", HINT_CUDA)
    return session


def give_memory_back() -> None:
    """Let the system have what a dropped session used: glibc keeps 400 MB of a usual one."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def reason_of(error: Exception) -> str:
    """What ONNX Runtime says, in one short line."""
    return printable(" ".join(str(error).split()))[:300] or type(error).__name__
