"""A WD tagger, loaded: pictures in, scores out. Blocking, so for a thread.

Needs the extra ``local``. What the input is called and how large it is differs between the
taggers' generations, so the model itself is asked.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from clipwatch.errors import BackendMisconfigured, PictureRejected
from clipwatch.interrogators.base import Picture
from clipwatch.interrogators.local_folder import (
    HINT_AGAIN,
    LABELS_FILE,
    MODEL_FILE,
    damaged,
    unreadable,
)
from clipwatch.interrogators.local_labels import Label, read_labels, sorted_out
from clipwatch.interrogators.local_runtime import ERRORS, open_session, reason_of
from clipwatch.interrogators.picture import DECODER_ERRORS

Scores = dict[str, dict[str, float]]  #: by category, then by name
Pixels = npt.NDArray[np.float32]


class LocalModel:
    """``model.onnx`` and ``selected_tags.csv`` of one folder. Raises ``BackendMisconfigured`` where
    they are damaged, do not belong together, or are no WD tagger."""

    def __init__(self, folder: Path, provider: str) -> None:
        self._folder = folder
        self._labels = _labels(folder / LABELS_FILE)
        self._session = open_session(folder / MODEL_FILE, provider)
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name
        self._check_types()
        batch, self._size, *_ = self._session.get_inputs()[0].shape
        self._most = batch if isinstance(batch, int) else None  #: pictures at once; None: any

    def scores(self, pictures: Sequence[Picture]) -> list[Scores | PictureRejected]:
        """What the model gives each picture, or why that cannot be read."""
        step = self._most or max(1, len(pictures))
        prepared = [self._prepared(picture) for picture in pictures]
        good = [one for one in prepared if not isinstance(one, PictureRejected)]
        rows = [row for at in range(0, len(good), step) for row in self._run(good[at : at + step])]
        return [
            one if isinstance(one, PictureRejected) else self._told(rows.pop(0)) for one in prepared
        ]

    def _prepared(self, picture: Picture) -> Pixels | PictureRejected:
        try:
            return pixels(picture.data, self._size)
        except DECODER_ERRORS as error:
            return PictureRejected(
                f"the picture cannot be decoded: {reason_of(error)}",
                hint="look at the file with an image viewer",
            )

    def _run(self, batch: Sequence[Pixels]) -> list[list[float]]:
        try:
            (rows,) = self._session.run([self._output], {self._input: np.stack(batch)})
        except ERRORS as error:
            raise self._wrong(
                f"the model fails: {reason_of(error)}",
                "free memory or lower batch_size; else get the model again with --force",
            ) from error
        if rows.ndim != 2 or len(rows) != len(batch):
            raise self._wrong(f"the model answers in the shape {list(rows.shape)}")
        return [row.tolist() for row in rows]

    def _told(self, row: Sequence[float]) -> Scores:
        try:
            return sorted_out(self._labels, row)
        except ValueError as error:
            raise self._wrong(f"{LABELS_FILE} does not fit the model: {error}") from error

    def _check_types(self) -> None:
        """Refuse, before any picture is looked at, what no WD tagger is."""
        taken, given = self._session.get_inputs()[0], self._session.get_outputs()[0]
        if not _is_square_rgb(taken.shape) or taken.type != "tensor(float)":
            raise self._wrong(
                f"its model takes {taken.type} {taken.shape}, "
                "and a WD tagger tensor(float) [N, S, S, 3]"
            )
        if len(given.shape) != 2:
            raise self._wrong(f"its model gives {given.shape}, and a WD tagger [N, tags]")
        if isinstance(given.shape[1], int) and given.shape[1] != len(self._labels):
            raise self._wrong(
                f"{LABELS_FILE} has {len(self._labels)} tags, but the model gives "
                f"{given.shape[1]} scores"
            )

    def _wrong(self, what: str, hint: str = HINT_AGAIN) -> BackendMisconfigured:
        return damaged(f"{self._folder}: {what}", hint)


def _is_square_rgb(shape: Sequence[Any]) -> bool:
    """Whether it is [N, S, S, 3], with N of 1 or open."""
    return (
        len(shape) == 4
        and (not isinstance(shape[0], int) or shape[0] == 1)
        and isinstance(shape[1], int)
        and shape[1] > 0
        and shape[1] == shape[2]
        and shape[3] == 3
    )


def _labels(file: Path) -> tuple[Label, ...]:
    try:
        return read_labels(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise damaged(f"{file} is missing") from error
    except OSError as error:
        raise unreadable(file, error) from error
    except ValueError as error:  # UnicodeDecodeError is one
        raise damaged(f"{file} is no table of tags: {reason_of(error)}") from error


def pixels(data: bytes, size: int) -> Pixels:
    """A picture as the taggers' authors prepare it: on white, centred in a square, scaled to
    ``size`` (bicubic); float32 from 0 to 255, blue first. Raises what Pillow raises."""
    with Image.open(BytesIO(data)) as opened:
        flat = opened.convert("RGBA")
    side = max(flat.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(flat, ((side - flat.width) // 2, (side - flat.height) // 2), flat)
    if side != size:
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(square, dtype=np.float32)[:, :, ::-1])
