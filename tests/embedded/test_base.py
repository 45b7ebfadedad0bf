import pytest

from clipwatch.embedded.base import Damaged, Text


class Source:
    """Counts how often it is asked."""

    def __init__(self, answer: str | Damaged) -> None:
        self.answer = answer
        self.asked = 0

    def fetch(self) -> str:
        self.asked += 1
        if isinstance(self.answer, Damaged):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", ["a cat", ""])
def test_a_text_is_fetched_once(answer: str) -> None:
    source = Source(answer)
    text = Text("here", source.fetch)
    assert source.asked == 0
    assert [text.load(), text.load()] == [answer, answer]
    assert source.asked == 1


def test_a_text_is_refused_once_and_stays_refused() -> None:
    source = Source(Damaged("too large"))
    text = Text("here", source.fetch)
    for _ in range(2):
        with pytest.raises(Damaged, match="too large"):
            text.load()
    assert source.asked == 1


def test_a_byte_order_mark_is_no_part_of_a_text() -> None:
    assert Text("here", lambda: "\ufeffa cat").load() == "a cat"


def test_a_text_is_put_right_on_the_way() -> None:
    assert Text("here", lambda: "café".encode().decode("latin-1")).load() == "café"
