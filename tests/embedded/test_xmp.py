import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.embedded import xmp
from clipwatch.embedded.base import MAX_TEXT, MAX_TEXTS
from tests.pictures_containers import MADE, alternatives
from tests.pictures_containers import xmp as packet_of

AIGC = '{"Label": "1"}'


def properties(packet: bytes) -> dict[str, str]:
    return {name: text.load() for name, text in xmp.texts(packet).items()}


def test_elements_attributes_and_resources_are_properties() -> None:
    packet = packet_of(
        alternatives("dc:description", "a &amp; b")
        + alternatives("exif:UserComment", '{"c": "a cat"}')
        + f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{MADE}"/>'
        + f"<TC260:AIGC>{AIGC}</TC260:AIGC>",
        'xmp:CreatorTool="Draw Things"',
    )
    assert properties(packet) == {
        "XMP description": "a & b",
        "XMP UserComment": '{"c": "a cat"}',
        "XMP DigitalSourceType": MADE,
        "XMP AIGC": AIGC,
        "XMP CreatorTool": "Draw Things",
    }
    assert xmp.texts(packet)["XMP AIGC"].found_in == "XMP TC260:AIGC"


def test_of_a_list_the_first_counts() -> None:
    items = "<rdf:li>first</rdf:li><rdf:li>second</rdf:li>"
    assert properties(packet_of(f"<dc:title><rdf:Seq>{items}</rdf:Seq></dc:title>")) == {
        "XMP title": "first"
    }


def test_fields_of_a_structure_have_their_own_names() -> None:
    structure = '<rdf:li rdf:parseType="Resource"><xmp:softwareAgent>a</xmp:softwareAgent></rdf:li>'
    packet = packet_of(f"<xmp:History><rdf:Seq>{structure}</rdf:Seq></xmp:History>")
    assert properties(packet) == {"XMP softwareAgent": "a"}


def test_utf16_and_padding_are_understood() -> None:
    packet = packet_of(alternatives("dc:description", "Kätzchen 猫")).decode()
    assert properties(packet.encode("utf-8") + bytes(50)) == {"XMP description": "Kätzchen 猫"}
    assert properties(packet.removeprefix("\ufeff").encode("utf-16"))["XMP description"]


def test_what_stands_before_a_fault_is_kept() -> None:
    packet = packet_of("<dc:title>whole</dc:title><dc:source>cut")
    assert properties(packet) == {"XMP title": "whole"}
    assert properties(b"") == properties(b"no XML") == {}


@pytest.mark.parametrize("declared", ['<!ENTITY a "ha">', '<!ENTITY a SYSTEM "/etc/passwd">', ""])
def test_documents_with_declarations_are_refused(declared: str) -> None:
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    document = f"<!DOCTYPE x [{declared}{laughs}]><x xmlns:p='q'><p:y>&a29;</p:y></x>"
    assert properties(document.encode()) == {}


def test_depth_number_and_size_are_bounded() -> None:
    began = time.process_time()
    deep = packet_of("<dc:title>here</dc:title>" + "<dc:a>" * 500_000)
    many = packet_of("".join(f"<dc:p{n}>x</dc:p{n}>" for n in range(100_000)))
    large = packet_of(alternatives("dc:description", "x" * MAX_TEXT))
    assert properties(deep) == {"XMP title": "here"}
    assert len(properties(many)) == MAX_TEXTS
    assert properties(large) == {}
    assert time.process_time() - began < 2


@given(st.data())
def test_whatever_is_changed_it_is_answered(data: st.DataObject) -> None:
    packet = bytearray(packet_of(alternatives("dc:description", "a cat")))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(packet) - 1))
        packet[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    assert sum(map(len, properties(bytes(packet)).values())) <= len(packet)
