"""One small file of each layout that the tests can write."""

import json
from collections.abc import Iterator
from typing import Any

from tests import pictures, pictures_comfyui, pictures_containers, pictures_generators
from tests.pictures import INFOTEXT, chunk, international_chunk, text_chunk, tiff
from tests.pictures_generators import jpeg_with, png_of, webp_with, xmp_png

TEXT = INFOTEXT.encode()
COMMENT = pictures.unicode_comment(INFOTEXT)
SETTINGS = {"prompt": "a duck", "negative_prompt": "fog", "seed": 3, "steps": 20, "loras": []}
IMAGE = {"prompt": [{"prompt": "a duck [fog]", "weight": 1}], "seed": 3, "steps": 20}
CAPTIONS = {"base_caption": "a duck", "char_captions": [{"char_caption": "a beak"}]}
NOVELAI = {"prompt": "a duck", "uc": "fog", "seed": 3, "v4_prompt": {"caption": CAPTIONS}}
SWARM = {"sui_image_params": {"prompt": "a duck", "negativeprompt": "fog", "seed": 3}}
EXTRA = json.dumps({"prompt": "a duck", "negativePrompt": "fog", "resources": []})
LABEL = {"AIGC": json.dumps({"Label": "1", "ContentProducer": "a maker"})}
PACKET = pictures_containers.xmp(pictures_containers.alternatives("exif:UserComment", INFOTEXT))


def seeds() -> Iterator[bytes]:
    """Every container, generator and carrier once."""
    yield from _containers()
    yield from _hidden()
    yield from _of_generators()
    yield from map(png_of, _texts_of_generators())


def _containers() -> Iterator[bytes]:
    store, profile = pictures_containers.manifest(), pictures_containers.raw_profile(tiff({}, TEXT))
    yield pictures.a1111_png(split=16)
    yield pictures.png([pictures.compressed_chunk("parameters", INFOTEXT)])
    yield pictures.png(after=[international_chunk("parameters", INFOTEXT, compressed=True)])
    yield pictures.png([chunk(b"eXIf", tiff({}, COMMENT)), chunk(b"caBX", store)])
    yield pictures.png([international_chunk("XML:com.adobe.xmp", PACKET)])
    yield pictures.png([text_chunk("Raw profile type exif", profile)])
    yield pictures.png(after=[pictures_containers.comf_chunk("prompt", _graph())])
    yield pictures.a1111_jpeg()
    yield pictures.jpeg(segments=[pictures.segment(0xFE, TEXT)])
    yield pictures.jpeg(segments=[pictures_containers.xmp_segment(PACKET)])
    yield pictures.jpeg(segments=pictures_containers.extended_xmp_segments(PACKET, 300))
    datasets = pictures_containers.photoshop({120: TEXT, 110: b"a maker"})
    yield pictures.jpeg(segments=[pictures.segment(0xED, b"Photoshop 3.0\0" + datasets)])
    yield pictures.jpeg(segments=pictures_containers.app11_segments(store, 100))
    yield pictures.a1111_webp()
    yield pictures_containers.animated_webp(exif=tiff({}, COMMENT), packet=PACKET, store=store)
    for version in (0, 1, 2):
        yield pictures_containers.heif(
            exif=tiff({}, COMMENT), packet=PACKET, store=store, version=version, in_idat=version > 0
        )
    exif, packed = pictures_containers.jxl_exif({}, COMMENT), pictures_containers.brotli(PACKET)
    yield pictures_containers.jxl(exif, parts=2)
    yield pictures_containers.jxl(pictures_containers.box(b"brob", b"xml " + packed))
    yield pictures_containers.gif(pictures_containers.gif_comment(INFOTEXT))
    yield pictures_containers.gif(pictures_containers.gif_xmp(PACKET))


def _hidden() -> Iterator[bytes]:
    for kind in (b"stealth_pnginfo", b"stealth_rgbinfo"):
        yield pictures_containers.hidden_png(b"a duck\nSteps: 20, Seed: 3, Size: 8x8", kind)


def _of_generators() -> Iterator[bytes]:
    yield pictures.comfyui_png()
    yield pictures.comfyui_webp()
    yield png_of({"workflow": pictures_comfyui.workflow()})
    yield png_of({"workflow": _with_subgraph()})
    yield jpeg_with({"prompt": pictures.plain_graph(), "workflow": {}})
    yield pictures_generators.novelai_png(NOVELAI)
    yield pictures_generators.novelai_webp(NOVELAI)
    yield pictures_generators.fooocus_jpeg(SETTINGS)
    yield webp_with(SWARM, "utf-16-le")
    yield xmp_png({"xmp:CreatorTool": "Draw Things", "exif:UserComment": '{"c": "a duck"}'})
    yield xmp_png({"Iptc4xmpExt:DigitalSourceType": pictures_containers.MADE})


def _texts_of_generators() -> Iterator[dict[str, Any]]:
    yield {"parameters": SETTINGS, "fooocus_scheme": "fooocus"}
    yield {"parameters": {"Prompt": "a duck", "software": "RuinedFooocus"}}
    yield {"parameters": SWARM}
    yield {"parameters-json": {"PositivePrompt": "a duck", "Seed": 3}, "parameters": INFOTEXT}
    yield {"generation_data": {"prompt": "a duck", "models": [{"type": "LORA"}]}}
    yield {"prompt": {**pictures.plain_graph(), "extra": {"extraMetadata": EXTRA}}}
    yield {"prompt": "a duck", "negative_prompt": "fog", "seed": "3"}
    yield {"Dream": '"a duck [fog]" -s 50 -S 3 -W512 -H512 -C 7.5 -A k_lms'}
    yield {"sd-metadata": {"app_version": "v2", "image": IMAGE}}
    yield {"invokeai_metadata": {"positive_prompt": "a duck", "model": {"name": "a"}}}
    yield {"imagemetahub_data": {"prompt": "a duck", "seed": 3}}
    yield {"Description": "a duck --ar 16:9 --v 6 Job ID: 00000000-0000-0000-0000-000000000000"}
    yield {"AIGC": LABEL}


def _graph() -> str:
    return json.dumps(pictures.plain_graph())


def _with_subgraph() -> dict[str, Any]:
    inside = pictures_comfyui.subgraph()
    node = pictures_comfyui.drawn(6, inside["id"], [("clip", "CLIP", 3)], ["a duck"])
    return pictures_comfyui.workflow([node], definitions={"subgraphs": [inside]})
