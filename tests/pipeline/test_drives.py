import pytest

from clipwatch.pipeline.drives import RootOffline, not_there, other_drive, unreadable

PATH = b"/mnt/my caf\xe9"


@pytest.mark.parametrize(
    ("offline", "says", "hint"),
    [
        (not_there(PATH), "is not there", "clipwatch relocate '/mnt/my caf\ufffd' NEW"),
        (unreadable(PATH, "Input/output error"), "Input/output error", "see that its disk works"),
        (other_drive(PATH, is_empty=False), "not mounted", "clipwatch scan '/mnt/my caf\ufffd'"),
        (other_drive(PATH, is_empty=True), "not mounted", "once an image lies in the new one"),
    ],
)
def test_a_root_that_is_away_says_what_brings_it_back(
    offline: RootOffline, says: str, hint: str
) -> None:
    assert str(offline).startswith(("/mnt/my caf\ufffd", "the images that are known of /mnt/my"))
    assert says in str(offline)
    assert hint in offline.hint
    assert str(offline).encode()  # into JSON, and into the database
