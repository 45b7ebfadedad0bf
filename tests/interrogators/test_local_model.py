"""Pictures as taggers take them."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clipwatch.interrogators.local_model import pixels


def png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_blue_comes_first_and_numbers_go_to_255() -> None:
    found = pixels(png(Image.new("RGB", (8, 8), (255, 128, 1))), 8)
    assert found.shape == (8, 8, 3)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert found[4, 4].tolist() == [1, 128, 255]


def test_a_picture_is_centred_in_a_white_square() -> None:
    found = pixels(png(Image.new("RGB", (4, 7), (0, 0, 0))), 7)
    assert found[3, :, 0].tolist() == [255, 0, 0, 0, 0, 255, 255]
    found = pixels(png(Image.new("RGB", (7, 4), (0, 0, 0))), 7)
    assert found[:, 3, 0].tolist() == [255, 0, 0, 0, 0, 255, 255]


@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 0), (51, 204)])
def test_what_is_transparent_is_white(alpha: int, expected: int) -> None:
    found = pixels(png(Image.new("RGBA", (8, 8), (0, 0, 0, alpha))), 8)
    assert found[4, 4].tolist() == [expected] * 3


def test_another_size_is_scaled_bicubic_after_padding() -> None:
    image = Image.effect_noise((24, 24), 90).convert("RGB")
    expected = np.asarray(image.resize((8, 8), Image.Resampling.BICUBIC), np.float32)
    assert np.array_equal(pixels(png(image), 8), expected[:, :, ::-1])


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["L", "RGB", "RGBA", "P", "1"]))
def test_any_picture_has_the_model_s_shape(width: int, height: int, mode: str) -> None:
    found = pixels(png(Image.new(mode, (width, height))), 8)
    assert found.shape == (8, 8, 3)
    assert found.min() >= 0 and found.max() <= 255
