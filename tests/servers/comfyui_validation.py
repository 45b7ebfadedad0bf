"""What ComfyUI says to a graph before it runs one, in the words that were recorded."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.recorded import recorded

ANSWERS = recorded("comfyui")
CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Either a refusal, or which outputs run and what is wrong with the others."""

    refusal: web.Response | None = None
    outputs: tuple[str, ...] = ()
    node_errors: Mapping[str, Any] = field(default_factory=dict)


def judge(
    asked: Any, nodes: Mapping[str, Any], files: Collection[str], *, strict_ids: bool
) -> Verdict:
    """``files`` are the values of LoadImage that exist; 2026's versions have ``strict_ids``."""
    if not isinstance(asked, dict) or "prompt" not in asked:
        return Verdict(ANSWERS["err_noprompt"].response())
    graph = asked["prompt"]
    if not isinstance(graph, dict):
        return Verdict(ANSWERS["err_promptstr"].response())
    if not all(isinstance(node, dict) for node in graph.values()):
        return Verdict(ANSWERS["err_uiworkflow"].response())
    if strict_ids and not CANONICAL.fullmatch(asked.get("prompt_id", "")):
        return Verdict(_refused("invalid_prompt_id", "prompt_id must be a valid UUID"))
    for number, node in graph.items():
        if "class_type" not in node:
            return Verdict(ANSWERS["err_noclass"].response())
        if node["class_type"] not in nodes:
            said = f"Cannot execute because node {node['class_type']} does not exist."
            return Verdict(_refused("invalid_prompt", said, f"Node ID '#{number}'"))
    outputs = [n for n in graph if nodes[graph[n]["class_type"]].get("output_node") is True]
    if not outputs:
        return Verdict(ANSWERS["err_nooutputs"].response())
    return _validated(graph, nodes, files, outputs)


def _validated(
    graph: Mapping[str, Any], nodes: Mapping[str, Any], files: Collection[str], outputs: list[str]
) -> Verdict:
    needs = {output: _ancestors(graph, output) for output in outputs}
    errors = {}
    for number, node in graph.items():
        if wrong := _wrong_with(node, nodes[node["class_type"]], files):
            errors[number] = {
                "errors": [wrong],
                "dependent_outputs": [out for out in outputs if number in needs[out]],
                "class_type": node["class_type"],
            }
    good = tuple(out for out in outputs if not needs[out] & errors.keys())
    if good:
        return Verdict(None, good, errors)
    first = next(iter(errors.values()))["errors"][0]
    details = "" if "custom" in first["type"] else f"{first['message']}: {first['details']}"
    said = "Prompt outputs failed validation"
    return Verdict(_refused("prompt_outputs_failed_validation", said, details, errors))


def _wrong_with(
    node: Mapping[str, Any], declared: Mapping[str, Any], files: Collection[str]
) -> dict[str, Any] | None:
    inputs = node.get("inputs", {})
    for key, spec in declared.get("input", {}).get("required", {}).items():
        if key not in inputs:
            return _error("required_input_missing", "Required input is missing", key)
        value, kind = inputs[key], spec[0]
        choices = spec[1].get("options") if kind == "COMBO" else kind
        if isinstance(choices, list) and value not in choices:
            details = f"{key}: {value!r} not in {choices}"
            return _error("value_not_in_list", "Value not in list", details)
    if node["class_type"] == "LoadImage" and inputs["image"] not in files:
        details = f"image - Invalid image file: {inputs['image']}"
        return _error("custom_validation_failed", "Custom validation failed for node", details)
    return None


def _ancestors(graph: Mapping[str, Any], number: str) -> set[str]:
    found = {number}
    for value in graph[number].get("inputs", {}).values():
        if isinstance(value, list) and value[0] in graph:
            found |= _ancestors(graph, value[0])
    return found


def _error(kind: str, message: str, details: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _refused(
    kind: str, message: str, details: str = "", node_errors: Mapping[str, Any] | None = None
) -> web.Response:
    body = {"error": _error(kind, message, details), "node_errors": node_errors or {}}
    return web.json_response(body, status=400)
