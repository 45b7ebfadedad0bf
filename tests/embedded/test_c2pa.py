import orjson
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import c2pa
from clipwatch.embedded.base import Block
from tests.pictures_containers import MADE, box, cbor, manifest, superbox

NOTHING: dict[str, list[str]] = {"generators": [], "agents": [], "sources": []}


def summary(store: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = orjson.loads(c2pa.summary(Block(store), 0, len(store)))
    return found


def test_generators_agents_and_sources_are_named() -> None:
    assert summary(manifest()) == {
        "generators": ["Painter"],
        "agents": ["paint-1"],
        "sources": [MADE],
    }


def test_of_several_manifests_all_are_told_once() -> None:
    found = summary(manifest("first") + manifest("second", source="other"))
    assert found == {
        "generators": ["first", "second"],
        "agents": ["paint-1"],
        "sources": [MADE, "other"],
    }


def test_older_claims_name_the_generator_themselves() -> None:
    claim = {"claim_generator": "Camera/1.0 c2pa-rs/0.4"}
    store = superbox("c2pa", superbox("c2pa.claim", box(b"cbor", cbor(claim))))
    assert summary(store) == NOTHING | {"generators": ["Camera/1.0 c2pa-rs/0.4"]}


def test_an_assertion_that_cannot_be_read_hides_no_other() -> None:
    broken = superbox("c2pa.actions", box(b"cbor", b"\xbf\x61"))
    assert summary(superbox("c2pa", broken) + manifest())["generators"] == ["Painter"]


def test_values_of_another_kind_are_passed_over() -> None:
    odd = {"actions": [1, "x", {"softwareAgent": 5, "digitalSourceType": [MADE]}]}
    store = superbox("c2pa.actions", box(b"cbor", cbor(odd)))
    odd_claim = superbox("c2pa.claim", box(b"cbor", cbor({"claim_generator_info": 7})))
    assert summary(store + odd_claim + superbox("c2pa.claim", box(b"cbor", cbor([1])))) == NOTHING


def test_depth_is_bounded() -> None:
    store = manifest()
    for _ in range(1000):
        store = superbox("outer", store)
    assert summary(store) == NOTHING


@given(st.data())
def test_whatever_is_changed_it_is_answered(data: st.DataObject) -> None:
    store = bytearray(manifest())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(store) - 1))
        store[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    assert summary(bytes(store)).keys() == NOTHING.keys()
