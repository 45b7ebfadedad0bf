import json
import zlib
from collections.abc import Callable
from struct import pack

import pytest

from clipwatch.embedded import container
from clipwatch.embedded.base import MAX_TEXT, MAX_TEXTS, Damaged
from tests import pictures
from tests import pictures_containers as containers
from tests.embedded.opened import is_complete, load, look, opened, read

UMLAUT = "Kätzchen, 猫, 🐈"


@pytest.mark.parametrize(
    ("chunk", "where"),
    [
        (pictures.text_chunk("parameters", UMLAUT), "PNG tEXt"),
        (pictures.compressed_chunk("parameters", UMLAUT), "PNG zTXt"),
        (pictures.international_chunk("parameters", UMLAUT), "PNG iTXt"),
        (pictures.international_chunk("parameters", UMLAUT, compressed=True), "PNG iTXt"),
    ],
)
def test_every_kind_of_text_chunk_is_read(chunk: bytes, where: str) -> None:
    picture = pictures.png([chunk])
    assert load(picture, "parameters") == UMLAUT
    assert look(picture).texts["parameters"].found_in == f"{where} parameters"


def test_text_that_is_not_utf8_is_latin1_as_the_standard_says() -> None:
    chunk = pictures.text_chunk("parameters", "Kätzchen".encode("latin-1"))
    assert load(pictures.png([chunk]), "parameters") == "Kätzchen"


def test_the_first_of_two_texts_with_one_keyword_counts() -> None:
    chunks = [pictures.text_chunk("parameters", text) for text in ("first", "second")]
    assert load(pictures.png(chunks), "parameters") == "first"


def test_text_behind_the_pixels_is_looked_for_separately() -> None:
    picture = pictures.png(after=[pictures.text_chunk("parameters", "late")], split=3)
    assert not look(picture).texts
    assert load(picture, "parameters") == "late"


@pytest.mark.parametrize("behind", [b"", b"late" * 5, b"late" * 5_000])
@pytest.mark.parametrize("last", [0, 1, 299, 300])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_text_behind_many_chunks_of_pixels_is_found(count: int, last: int, behind: bytes) -> None:
    pixels = [pictures.chunk(b"IDAT", b"x" * 300)] * count + [pictures.chunk(b"IDAT", b"x" * last)]
    text = [pictures.text_chunk("parameters", behind)] if behind else []
    picture = pictures.PNG_SIGNATURE + pictures.header_chunk(8, 6) + b"".join([*pixels, *text])
    assert not is_complete(picture)
    whole = picture + pictures.chunk(b"IEND", b"")
    assert is_complete(whole + b"appended")
    with opened(whole) as (fd, size):
        texts = container.look(fd, size).more()
        assert [text.load() for text in texts.values()] == ([behind.decode()] if behind else [])


def test_of_several_texts_with_one_keyword_the_first_that_says_something_counts() -> None:
    chunks = [pictures.text_chunk("Comment", text) for text in ("", "a cat", "a dog")]
    assert load(pictures.png(chunks), "Comment") == "a cat"
    assert load(pictures.png(chunks[:1], after=chunks[1:]), "Comment") == "a cat"


def test_exif_of_a_png_is_read() -> None:
    block = pictures.tiff({}, pictures.unicode_comment("in eXIf"))
    raw = look(pictures.png([pictures.chunk(b"eXIf", block)]))
    assert raw.texts["EXIF UserComment"].load() == "in eXIf"


@pytest.mark.parametrize("before", [True, False])
def test_properties_of_xmp_are_found(before: bool) -> None:
    packet = containers.xmp(containers.alternatives("exif:UserComment", '{"c": "a cat"}'))
    chunks = [pictures.international_chunk("XML:com.adobe.xmp", packet, compressed=before)]
    picture = pictures.png(chunks) if before else pictures.png(after=chunks)
    assert load(picture, "XMP UserComment") == '{"c": "a cat"}'


@pytest.mark.parametrize("kind", [pictures.text_chunk, pictures.compressed_chunk])
def test_raw_profiles_are_unpacked(kind: Callable[[str, str], bytes]) -> None:
    exif = b"Exif\0\0" + pictures.tiff({}, pictures.unicode_comment("in EXIF"))
    xmp = containers.xmp(containers.alternatives("dc:title", "in XMP"))
    iptc = containers.photoshop({120: b"in IPTC"})
    app1 = b"http://ns.adobe.com/xap/1.0/\0" + containers.xmp("<dc:source>in APP1</dc:source>")
    profiles = {"exif": exif, "xmp": xmp, "iptc": iptc, "APP1": app1}
    picture = pictures.png(
        kind(f"Raw profile type {name}", containers.raw_profile(block))
        for name, block in profiles.items()
    )
    found = ["EXIF UserComment", "XMP title", "IPTC Caption", "XMP source"]
    assert [load(picture, name) for name in found] == ["in EXIF", "in XMP", "in IPTC", "in APP1"]


def test_a_profile_that_is_refused_hides_no_other() -> None:
    bomb = pictures.compressed_chunk("Raw profile type exif", bytes(MAX_TEXT * 2))
    odd = pictures.text_chunk("Raw profile type xmp", "xmp 3 zz")
    xmp = containers.xmp(containers.alternatives("dc:title", "in XMP"))
    picture = pictures.png([bomb, odd, pictures.international_chunk("XML:com.adobe.xmp", xmp)])
    assert load(picture, "XMP title") == "in XMP"
    assert "inflates" in (read(picture).reason or "")


def test_the_chunk_of_an_animation_by_comfyui_is_read() -> None:
    graph = json.dumps(pictures.plain_graph("a cat"))
    picture = pictures.png(after=[containers.comf_chunk("prompt", graph)])
    found = read(picture)
    assert (found.generator, found.prompt) == ("ComfyUI", "a cat")
    assert (found.found_in or "").startswith("PNG comf prompt")


def test_who_made_it_is_told() -> None:
    store = containers.manifest()
    assert '"generators":["Painter"]' in load(
        pictures.png([pictures.chunk(b"caBX", store)]), "C2PA"
    )


def test_a_long_text_is_read_from_the_file() -> None:
    long = "word, " * 20_000
    assert load(pictures.png([pictures.text_chunk("prompt", long)]), "prompt") == long


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        (pictures.compressed_chunk("parameters", bytes(MAX_TEXT * 4)), "inflates"),
        (pictures.text_chunk("parameters", bytes(MAX_TEXT + 1)), "larger than 4 MiB"),
        (pictures.chunk(b"zTXt", b"parameters\0\0not deflate"), "damaged"),
        (pictures.chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"x" * 99)[:9]), "too early"),
        (pictures.chunk(b"iTXt", b"parameters\0\0"), "ends before"),
        (pictures.chunk(b"iTXt", b"parameters\0\1\0\0\0"), "too early"),
    ],
)
def test_a_text_that_is_hostile_or_damaged_is_refused(chunk: bytes, reason: str) -> None:
    picture = pictures.png([chunk])
    with pytest.raises(Damaged, match=reason):
        load(picture, "parameters")
    assert reason in (read(picture).reason or "")


def test_an_exif_block_beyond_the_limit_is_refused() -> None:
    block = pictures.tiff({0x010E: b"x" * MAX_TEXT})
    for picture in (pictures.png([pictures.chunk(b"eXIf", block)]), pictures.webp(block)):
        found = read(picture)
        assert found.reason == "an EXIF block is larger than 4 MiB"
        assert (found.width, found.complete) == (8, True)


def test_a_flood_of_texts_is_cut() -> None:
    chunks = [pictures.text_chunk(f"key {n}", "x") for n in range(MAX_TEXTS * 2)]
    assert len(look(pictures.png(chunks)).texts) == MAX_TEXTS


def test_a_chunk_longer_than_the_file_means_that_more_is_to_come() -> None:
    picture = pictures.PNG_SIGNATURE + pictures.header_chunk(8, 6) + pack(">I", 10**9) + b"tEXt"
    assert not is_complete(picture + bytes(100))


def test_garbage_between_chunks_is_told_with_its_place() -> None:
    picture = pictures.PNG_SIGNATURE + pictures.header_chunk(8, 6) + b"\0\0\0\1\1\2\3\4" + bytes(9)
    raw = look(picture)
    assert raw.complete
    assert raw.damage == "what stands at byte 33 is no PNG chunk"


def test_a_png_without_header_is_unreadable() -> None:
    found = read(pictures.PNG_SIGNATURE + pictures.chunk(b"IDAT", b"x" * 50))
    assert found.reason == "the PNG header is missing"
    assert found.format == "png"
