"""A picture's body, in pieces and as a whole."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.interrogators.body import PIECE, PictureBody


@given(st.binary(max_size=9), st.binary(max_size=40), st.binary(max_size=9))
def test_the_pieces_are_the_body(head: bytes, picture: bytes, tail: bytes) -> None:
    body = PictureBody(head, picture, tail)
    assert bytes(body) == head + b64encode(picture) + tail
    assert len(body) == len(bytes(body))


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2])
def test_large_pictures_are_padded_at_their_end_alone(size: int) -> None:
    body = PictureBody(b"{", bytes(range(256)) * (size // 256 + 1), b"}")
    whole = b"{" + b64encode(body.picture) + b"}"
    assert bytes(body) == whole
    assert max(map(len, body.pieces())) <= 4 * PIECE // 3
