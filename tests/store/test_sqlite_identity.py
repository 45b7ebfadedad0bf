from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import FileStat, LocationState, Observation, Outcome
from clipwatch.store.sqlite_identity import Place, Step, decide, pick

NUMBER = st.integers(1, 3)
STAT = st.builds(FileStat, device=st.just(1), inode=NUMBER, size=NUMBER, mtime_ns=st.just(5))
HASH = st.sampled_from([None, b"one", b"two"])
SEEN = st.builds(
    Observation,
    root_id=st.just(1),
    path=st.just(b"a.png"),
    stat=STAT,
    state=st.just(LocationState.PRESENT),
    content_hash=HASH,
)
PLACE = st.builds(
    Place,
    location_id=NUMBER,
    seq=NUMBER,
    stat=STAT,
    state=st.sampled_from(LocationState),
    reason=st.none(),
    quick_key=st.none(),
    image_id=st.just(b"i" * 16),
    revision=NUMBER,
    outcome=st.sampled_from([None, *Outcome]),
    content_hash=HASH,
)


@given(PLACE, st.lists(STAT), SEEN)
def test_the_same_file_is_the_same_content(
    place: Place, others: list[FileStat], seen: Observation
) -> None:
    assert decide(place, others, replace(seen, stat=place.stat)) is Step.SAME
    assert decide(place, [*others, seen.stat], seen) is Step.SAME


@given(PLACE, st.lists(STAT), SEEN)
def test_an_image_whose_only_file_has_other_bytes_has_a_new_content(
    place: Place, others: list[FileStat], seen: Observation
) -> None:
    step = decide(place, others, seen)
    linked = all(other.inode == seen.stat.inode for other in others)
    if step is Step.REWRITTEN:
        assert linked
    if step is Step.APART:
        assert not linked


@given(st.lists(PLACE), SEEN)
def test_of_missing_files_only_the_same_comes_back(places: list[Place], seen: Observation) -> None:
    place = pick(places, seen)
    if place is not None and place.state is LocationState.MISSING:
        assert decide(place, [], seen) is Step.SAME
    assert place is not None or all(p.state is LocationState.MISSING for p in places)


@given(PLACE, SEEN, st.booleans())
def test_a_file_with_its_old_times_and_ends_is_the_same_under_any_inode(
    place: Place, seen: Observation, hashed: bool
) -> None:
    place = replace(place, quick_key=b"k", content_hash=b"one" if hashed else None)
    stat = place.stat._replace(device=9, inode=9)
    seen = replace(seen, stat=stat, quick_key=b"k", content_hash=None)
    assert decide(place, [], seen) is Step.SAME
    if hashed:
        assert decide(place, [], replace(seen, content_hash=b"two")) is Step.REWRITTEN
    assert decide(place, [], replace(seen, quick_key=b"l")) is Step.REWRITTEN
