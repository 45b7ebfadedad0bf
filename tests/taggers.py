"""A tagger small enough to be made by a test: its scores are the mean of each colour.

``model.onnx`` takes [N, 8, 8, 3] as the genuine ones take [N, 448, 448, 3], blue first, 0 to 255.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 8
#: Name, category, and what its score is made of: blue, green, red, and a constant.
Row: TypeAlias = tuple[str, int, tuple[float, float, float, float]]
LABELS: tuple[Row, ...] = (
    ("general", 9, (0, 0, 0, 0.75)),
    ("explicit", 9, (0, 0, 0, 0.125)),
    ("red_background", 0, (0, 0, 1, 0)),
    ("green_background", 0, (0, 1, 0, 0)),
    ("blue_background", 0, (1, 0, 0, 0)),
    ("^_^", 0, (0, 0, 0.5, 0)),
    ("ruby_(gem)", 4, (0, 0, 0.9375, 0)),
)
HEADER = "tag_id,name,category,count"


def make_tagger(
    folder: Path,
    *,
    batch: int | str = "N",
    shape: Sequence[int | str] | None = None,
    axes: tuple[int, int] = (1, 2),
    made_of: Sequence[Row] = LABELS,
    scale: float = 1 / 255,
    names: tuple[str, str] = ("input_1:0", "predictions_sigmoid"),
    element: int = TensorProto.FLOAT,
) -> Path:
    """Both files of a tagger in ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(
        _model(batch, shape or (SIZE, SIZE, 3), axes, made_of, scale, names, element)
    )
    rows = [f"{at},{name},{category},{at}" for at, (name, category, _) in enumerate(made_of)]
    (folder / "selected_tags.csv").write_text("\n".join([HEADER, *rows, ""]))
    return folder


def _model(
    batch: int | str,
    shape: Sequence[int | str],
    axes: tuple[int, int],
    made_of: Sequence[Row],
    scale: float,
    names: tuple[str, str],
    element: int,
) -> bytes:
    """The mean over the picture, times a matrix, plus a constant."""
    taken, given = names
    weights = np.array([row[2][:3] for row in made_of], np.float32).T * np.float32(scale)
    constants = np.array([row[2][3] for row in made_of], np.float32)
    nodes = [
        helper.make_node("Cast", [taken], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["weighed"]),
        helper.make_node("Add", ["weighed", "constants"], [given]),
    ]
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info(taken, element, [batch, *shape])],
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, [batch, len(made_of)])],
        [
            numpy_helper.from_array(np.array(axes, np.int64), "axes"),
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(constants, "constants"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
