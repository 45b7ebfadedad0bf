"""What ComfyUI's history and queue say of a job. Pure; graphs of others go no further than here."""

import re
from collections.abc import Mapping
from typing import Any

from clipwatch.errors import BackendBusy, BackendFailed, BackendMisconfigured, InterrogatorError
from clipwatch.interrogators.answer import failure_said
from clipwatch.interrogators.base import Activity

#: Where nodes put texts, in the order in which they are looked for.
KEYS = ("text", "tags", "string", "caption", "prompt", "result")
_OBJECT = re.compile(r"\s*[\[{(]?('\w+': )?(tensor\(|<[\w.]+ object at 0x)")
OURS = "clipwatch-"  #: how our client ids begin
HINT_CACHED = (
    "look at ComfyUI's log; versions from 0.3.68 to mid-2026 may lose what is cached: update it"
)
HINT_OUTPUT = "add a PreviewAny node to the workflow, or name the right node in output_node"


def outputs_of(entry: Any, url: str) -> Mapping[str, Any]:
    """What the nodes of a job put out, from its entry in the history.

    Raises ``BackendBusy`` where its owner interrupted it, ``BackendFailed`` where nothing was put
    out, and for an error in a node what that stands for, ``BackendFailed`` at least.
    """
    status = _object(entry, "status")
    if status.get("status_str") == "error":
        raise _failure(status.get("messages"), url)
    outputs = _object(entry, "outputs")
    if not outputs:
        raise BackendFailed(f"{url} finished without putting anything out", hint=HINT_CACHED)
    return outputs


def text_of(outputs: Mapping[str, Any], node: str, key: str = "") -> str | None:
    """The text that ``node`` put out, under ``key`` if any; None where there is none."""
    output = outputs.get(node)
    found = output if isinstance(output, dict) else {}
    texts = (_text(found[each]) for each in ((key,) if key else KEYS) if each in found)
    return next((text for text in texts if text is not None), None)


def speaker_in(outputs: Mapping[str, Any], url: str, key: str = "") -> str:
    """The one node that put out a text. Raises ``BackendMisconfigured`` where none or several
    did."""
    found = [node for node in outputs if text_of(outputs, node, key) is not None]
    if len(found) != 1:
        several = f"several texts, of the nodes {', '.join(found)}" if found else "no text"
        raise BackendMisconfigured(f"{url} finished with {several}", hint=HINT_OUTPUT)
    return found[0]


def savers_in(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The nodes that wrote a file among those that ComfyUI's owner keeps."""
    return tuple(node for node, output in outputs.items() if _is_saved(output))


def activity_in(queue: Any) -> Activity:
    """What the server does: RENDERING where a job runs or waits that is not ours."""
    lists = [_items(queue, "queue_running"), _items(queue, "queue_pending")]
    ours = [is_ours(item) for items in lists for item in items]
    if not ours:
        return Activity.IDLE
    return Activity.OURS if all(ours) else Activity.RENDERING


def is_running(queue: Any, prompt_id: str) -> bool:
    """Whether the job is being worked on."""
    return any(_is_job(item, prompt_id) for item in _items(queue, "queue_running"))


def is_queued(queue: Any, prompt_id: str) -> bool:
    """Whether the job runs or waits. What waits is a heap: its order says nothing."""
    items = _items(queue, "queue_running") + _items(queue, "queue_pending")
    return any(_is_job(item, prompt_id) for item in items)


def is_ours(item: Any) -> bool:
    """Whether clipwatch sent this item of the queue, before its last start too."""
    extra = item[3] if isinstance(item, list) and len(item) > 3 else None
    client = extra.get("client_id") if isinstance(extra, dict) else None
    return isinstance(client, str) and client.startswith(OURS)


def tells_end(message: Any, prompt_id: str) -> bool:
    """Whether a message of the websocket says that this job ended, well or not."""
    kind = message.get("type") if isinstance(message, dict) else None
    data = _object(message, "data")
    if data.get("prompt_id") != prompt_id:
        return False
    is_over = kind == "executing" and data.get("node") is None
    return is_over or kind in ("execution_success", "execution_error", "execution_interrupted")


def _is_job(item: Any, prompt_id: str) -> bool:
    """Items are number, id, graph, extra data, outputs."""
    return isinstance(item, list) and item[1:2] == [prompt_id]


def _failure(messages: Any, url: str) -> InterrogatorError:
    """The error of a job that did not end well; both ways have the status "error"."""
    pairs = messages if isinstance(messages, list) else []
    told = {
        pair[0]: pair[1]
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
    }
    if "execution_interrupted" in told:
        return BackendBusy(
            f"the interrogation at {url} was interrupted by its owner",
            hint="nothing needs to be done: it is asked again later",
        )
    error = _object(told, "execution_error")
    said = f"{error.get('node_type', 'a node')}: {error.get('exception_message', 'no reason')}"
    return failure_said(f"{said} ({error.get('exception_type', 'unknown')})", url)


def _text(value: Any) -> str | None:
    """A text, or one for each frame; nodes of the future may send objects by tag. What PreviewAny
    writes for a picture or a model is none."""
    if isinstance(value, dict):
        value = list(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ", ".join(value)
    if not isinstance(value, str) or _OBJECT.match(value):
        return None
    return value.strip().rstrip(",").strip()


def _is_saved(output: Any) -> bool:
    """Files are told as ``{"filename", "subfolder", "type"}``; type output is the owner's."""
    lists = output.values() if isinstance(output, dict) else ()
    files = [one for files in lists if isinstance(files, list) for one in files]
    return any(isinstance(one, dict) and one.get("type") == "output" for one in files)


def _items(queue: Any, key: str) -> list[Any]:
    items = queue.get(key) if isinstance(queue, dict) else None
    return items if isinstance(items, list) else []


def _object(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
