"""What ComfyUI's history and queue say of a job. Pure; graphs of others go no further than here."""

from typing import Any

from clipwatch.errors import BackendBusy, BackendFailed, InterrogatorError
from clipwatch.interrogators.answer import failure_said
from clipwatch.interrogators.base import Activity

#: Where nodes put texts.
KEYS = ("text", "tags", "string", "caption", "prompt", "result")
OURS = "clipwatch-"  #: how our client ids begin


def text_in(entry: Any, node: str, url: str) -> str:
    """The text that ``node`` put out, from a job's entry in the history.

    Raises ``BackendBusy`` where its owner interrupted it, and for an error in a node what that
    stands for, ``BackendFailed`` at least.
    """
    status = _object(entry, "status")
    if status.get("status_str") == "error":
        raise _failure(status.get("messages"), url)
    output = _object(_object(entry, "outputs"), node)
    for key in KEYS:
        if key in output:
            return _text(output[key])
    raise BackendFailed(f"{url} finished without a text", hint="look at ComfyUI's log")


def activity_in(queue: Any) -> Activity:
    """What the server does: RENDERING where a job runs or waits that is not ours."""
    lists = [_items(queue, "queue_running"), _items(queue, "queue_pending")]
    ours = [is_ours(item) for items in lists for item in items]
    if not ours:
        return Activity.IDLE
    return Activity.OURS if all(ours) else Activity.RENDERING


def is_queued(queue: Any, prompt_id: str) -> bool:
    """Whether the job runs or waits. Items are number, id, graph, extra data, outputs."""
    items = _items(queue, "queue_running") + _items(queue, "queue_pending")
    return any(isinstance(item, list) and item[1:2] == [prompt_id] for item in items)


def is_ours(item: Any) -> bool:
    """Whether clipwatch sent this item of the queue, before its last start too."""
    extra = item[3] if isinstance(item, list) and len(item) > 3 else None
    client = extra.get("client_id") if isinstance(extra, dict) else None
    return isinstance(client, str) and client.startswith(OURS)


def _failure(messages: Any, url: str) -> InterrogatorError:
    """The error of a job that did not end well; both ways have the status "error"."""
    pairs = messages if isinstance(messages, list) else []
    told = {pair[0]: pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2}
    if "execution_interrupted" in told:
        return BackendBusy(
            f"the interrogation at {url} was interrupted by its owner",
            hint="nothing needs to be done: it is asked again later",
        )
    error = _object(told, "execution_error")
    said = f"{error.get('node_type', 'a node')}: {error.get('exception_message', 'no reason')}"
    return failure_said(f"{said} ({error.get('exception_type', 'unknown')})", url)


def _text(value: Any) -> str:
    """A text, or one for each frame; nodes of the future may send objects by tag."""
    if isinstance(value, dict):
        value = list(value)
    if isinstance(value, list):
        value = ", ".join(each for each in value if isinstance(each, str))
    return value.strip().rstrip(",").strip() if isinstance(value, str) else ""


def _items(queue: Any, key: str) -> list[Any]:
    items = queue.get(key) if isinstance(queue, dict) else None
    return items if isinstance(items, list) else []


def _object(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
