"""Pictures as generators other than A1111 and ComfyUI write them, from their documented layouts."""

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from tests import pictures

SWARMUI = {
    "sui_image_params": {
        "prompt": "a red fox, forest",
        "negativeprompt": "blurry",
        "model": "OfficialStableDiffusion/sd_xl_base_1.0",
        "seed": 42,
        "steps": 20,
        "cfgscale": 7.0,
        "width": 1024,
        "height": 768,
        "sampler": "euler",
        "scheduler": "karras",
        "loras": ["ink", "detail"],
        "loraweights": ["0.8"],
        "swarm_version": "0.9.7.1",
    },
    "sui_extra_data": {"date": "2025-03-15", "original_prompt": "a <random:red|grey> fox"},
    "sui_models": [{"name": "sd_xl_base_1.0", "param": "model", "hash": "0xd7a9"}],
}
STABILITY_MATRIX = {
    "PositivePrompt": "a red fox",
    "NegativePrompt": "blurry",
    "Seed": 42,
    "Steps": 20,
    "CfgScale": 5,
    "Width": 1024,
    "Height": 768,
    "Sampler": "DPM++ 2M",
    "ModelName": "juggernaut.safetensors",
    "ModelHash": "aeb7e9e689",
}
TENSORART = {
    "prompt": "a red fox",
    "negativePrompt": "blurry",
    "seed": "42",
    "steps": 25,
    "cfgScale": 6,
    "samplerName": "euler_ancestral",
    "width": 768,
    "height": 1152,
    "clipSkip": 2,
    "models": [
        {"type": "BASE_MODEL", "label": "pony", "hash": "67AB2FD8EC"},
        {"type": "LORA", "label": "ink", "weight": 0.7},
    ],
}
CIVITAI = {
    "prompt": "a red fox",
    "negativePrompt": "blurry",
    "steps": 30,
    "cfgScale": 4.5,
    "sampler": "Euler a",
    "seed": 42,
    "width": 832,
    "height": 1216,
    "resources": [
        {"modelVersionId": 128713, "strength": 1, "type": "Checkpoint"},
        {"modelVersionId": 87153, "strength": 0.5, "type": "LORA"},
    ],
}
NOVELAI_V3 = {
    "prompt": "1girl, {smile}",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "seed": 42,
    "sampler": "k_euler",
    "noise_schedule": "karras",
    "uc": "lowres",
    "signed_hash": "AAAA",
    "reference_strength_multiple": [0.5],
    "controlnet_model": None,
}


def _v4(base: str, characters: list[str]) -> dict[str, Any]:
    captions = [{"char_caption": text, "centers": [{"x": 0.5, "y": 0.5}]} for text in characters]
    return {"caption": {"base_caption": base, "char_captions": captions}, "use_coords": False}


NOVELAI_V4 = NOVELAI_V3 | {
    "prompt": "2girls, park",
    "v4_prompt": _v4("2girls, park", ["girl, red hair", "girl, blue hair"]),
    "v4_negative_prompt": _v4("lowres, text", ["hat", ""]),
}
INVOKEAI = {
    "generation_mode": "sdxl_txt2img",
    "positive_prompt": "a red fox",
    "negative_prompt": "blurry",
    "positive_style_prompt": "oil painting",
    "width": 1024,
    "height": 768,
    "seed": 42,
    "cfg_scale": 7.5,
    "steps": 30,
    "scheduler": "dpmpp_2m_k",
    "model": {"key": "0f", "hash": "blake3:aa", "name": "juggernaut", "base": "sdxl"},
    "loras": [{"model": {"name": "ink"}, "weight": 0.75}],
    "vae": {"name": "sdxl-vae-fp16-fix"},
    "app_version": "5.0.0",
}
FOOOCUS = {
    "adm_guidance": "(1.5, 0.8, 0.3)",
    "base_model": "juggernautXL",
    "base_model_hash": "aeb7e9e689",
    "full_negative_prompt": ["unrealistic", "ugly"],
    "full_prompt": ["cinematic still a red fox", "film grain"],
    "guidance_scale": 4.0,
    "loras": [["offset_0.1", 0.1, "4852686128"]],
    "negative_prompt": "blurry",
    "prompt": "a red fox",
    "resolution": "(1152, 896)",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "42",
    "steps": 30,
    "vae": "Default (model)",
    "version": "Fooocus v2.5.5",
}
FOOOCUS_TEXT = (
    "cinematic still a red fox, film grain\nNegative prompt: ugly\n"
    "Steps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 42, Size: 1152x896, CFG scale: 4, "
    'Model: juggernautXL, Lora hashes: "offset: 4852686128", Raw prompt: a red fox, '
    "Version: Fooocus v2.5.5"
)
FOOOCUS_MRE = {
    "prompt": "a red fox",
    "negative_prompt": "blurry",
    "real_prompt": ["cinematic a red fox"],
    "seed": 42,
    "width": 1152,
    "height": 896,
    "sampler": "dpmpp_2m_sde_gpu",
    "cfg": 7.0,
    "base_model": "sd_xl_base_1.0.safetensors",
    "software": "Fooocus-MRE v2.0.78.5",
}
RUINED = {
    "Prompt": "a red fox",
    "Negative": "blurry",
    "steps": 30,
    "cfg": 8,
    "width": 1024,
    "height": 768,
    "seed": 42,
    "sampler_name": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "base_model_name": "crystalClearXL.safetensors",
    "base_model_hash": "0b76532e03",
    "loras": [["12ab", "0.5 - ink.safetensors"]],
    "denoise": None,
    "clip_skip": 1,
    "software": "RuinedFooocus",
}
SIMPLE = {
    "Base Model": "juggernautXL",
    "Full Negative Prompt": ["blurry", "ugly"],
    "Full Prompt": ["cinematic still a red fox"],
    "Guidance Scale": 4,
    "LoRAs": [["ink", 0.5, "4852686128"]],
    "Negative Prompt": "blurry",
    "Prompt": "a red fox",
    "Resolution": "(1152, 896)",
    "Sampler": "dpmpp_2m",
    "Seed": "42",
    "Steps": 30,
    "Version": "SimpleSDXL2_20241001",
}
MFLUX = {
    "mflux_version": "0.17.5",
    "model": "dev",
    "base_model": "None",
    "seed": 42,
    "steps": 14,
    "guidance": 3.5,
    "height": 1024,
    "width": 768,
    "quantize": None,
    "lora_paths": ["/models/ink.safetensors"],
    "lora_scales": [0.8],
    "prompt": "a red fox",
    "negative_prompt": "blurry",
}
WANGP = {
    "type": "WanGP v9.35 by DeepBeepMeep - Qwen Image 20B",
    "settings_version": 2.39,
    "model_type": "qwen_image_20B",
    "image_mode": 1,
    "prompt": "a red fox",
    "negative_prompt": "blurry",
    "resolution": "832x480",
    "seed": 42,
    "num_inference_steps": 30,
    "guidance_scale": 4,
    "sample_solver": "unipc",
    "activated_loras": ["https://example.org/ink.safetensors", "pale.safetensors"],
    "loras_multipliers": "0.8 1;0.5",
}
IMAGINAIRY = {
    "prompt": {
        "prompt": [{"text": "a red fox", "weight": 1.0}, {"text": "snow", "weight": 0.5}],
        "negative_prompt": [{"text": "blurry", "weight": 1.0}],
        "prompt_strength": 7.5,
        "seed": 42,
        "steps": 20,
        "size": [512, 768],
        "solver_type": "dpmpp",
        "model_weights": {"name": "Stable Diffusion 1.5"},
    }
}
HUGGING_FACE = {
    "prompt": "1girl, smile",
    "negative_prompt": "lowres",
    "resolution": "832 x 1216",
    "guidance_scale": 7,
    "num_inference_steps": 28,
    "seed": 42,
    "sampler": "Euler a",
    "use_upscaler": None,
    "Model": {"Model": "Animagine XL 3.1", "Model hash": "e3c47aedb0"},
}
EASY_DIFFUSION = {
    "prompt": "a red fox",
    "negative_prompt": "blurry",
    "seed": 42,
    "use_stable_diffusion_model": "sd-v1-5",
    "use_vae_model": None,
    "sampler_name": "euler_a",
    "width": 512,
    "height": 768,
    "num_inference_steps": 25,
    "guidance_scale": 7.5,
    "use_lora_model": ["ink", "detail"],
    "lora_alpha": [0.5, 0.25],
}
EASY_DIFFUSION_TITLES = {
    "Prompt": "a red fox",
    "Negative Prompt": "blurry",
    "Seed": 42,
    "Stable Diffusion model": "sd-v1-5",
    "Sampler": "euler_a",
    "Width": 512,
    "Height": 768,
    "Steps": 25,
    "Guidance Scale": 7.5,
}
DRAW_THINGS = {
    "c": 'a "red" fox & more',
    "uc": "blurry",
    "model": "sd_xl_base_1.0_f16.ckpt",
    "sampler": "DPM++ 2M Karras",
    "scale": 7.5,
    "seed": 42,
    "size": "1024x768",
    "steps": 30,
    "strength": 1,
    "lora": [{"model": "ink.ckpt", "weight": 0.6}],
    "v2": {"loras": []},
}
MIDJOURNEY = (
    "a red fox, misty forest --no dogs, cats --ar 16:9 --stylize 250 --v 6.1 "
    "Job ID: 0a1b2c3d-1111-2222-3333-444455556666"
)
AIGC = {"Label": "1", "ContentProducer": "00119144030", "ProduceID": "u:1/task:2"}


def written(text: str | Mapping[str, Any]) -> str:
    return text if isinstance(text, str) else json.dumps(text)


def png_with(**texts: str | Mapping[str, Any]) -> bytes:
    """A PNG with a tEXt chunk for each; an underscore in a key is one in the keyword."""
    return pictures.png([pictures.text_chunk(key, written(text)) for key, text in texts.items()])


def png_of(texts: Mapping[str, str | Mapping[str, Any]]) -> bytes:
    """As ``png_with``, for keywords that are no Python names."""
    return pictures.png([pictures.text_chunk(key, written(text)) for key, text in texts.items()])


def jpeg_with(comment: str | Mapping[str, Any], encoding: str = "utf-16-be") -> bytes:
    return pictures.jpeg(pictures.tiff({}, pictures.unicode_comment(written(comment), encoding)))


def webp_with(comment: str | Mapping[str, Any], encoding: str = "utf-16-be") -> bytes:
    return pictures.webp(pictures.tiff({}, pictures.unicode_comment(written(comment), encoding)))


def novelai_png(comment: Mapping[str, Any], **texts: str) -> bytes:
    told = {"Title": "AI generated image", "Software": "NovelAI", "Source": "NovelAI Diffusion V4"}
    return png_of({**told, **texts, "Comment": comment})


def novelai_webp(comment: Mapping[str, Any]) -> bytes:
    """All texts as JSON in the UserComment, ``Comment`` as a string in it."""
    return webp_with(
        {"Software": "NovelAI", "Source": "NovelAI Diffusion V4", "Comment": json.dumps(comment)}
    )


def fooocus_jpeg(text: str | Mapping[str, Any]) -> bytes:
    """Pillow puts text, scheme and software into IFD0, where the first two do not belong."""
    fields = {0x0131: b"Fooocus v2.5.5", 0x927C: b"fooocus", 0x9286: written(text).encode()}
    return pictures.jpeg(pictures.tiff(fields))


def imaginairy_jpeg(comment: Mapping[str, Any], software: bytes = b"Imaginairy / SD 1.5") -> bytes:
    """Pillow writes the UserComment without a word on its character set."""
    return pictures.jpeg(pictures.tiff({0x0131: software}, written(comment).encode()))


def easy_diffusion_png(settings: Mapping[str, Any]) -> bytes:
    return png_of({key: str(value) for key, value in settings.items()})


def xmp(properties: Mapping[str, str]) -> str:
    """An XMP packet with these properties, each a list of languages of one."""
    spaces = {
        "dc": "http://purl.org/dc/elements/1.1/",
        "exif": "http://ns.adobe.com/exif/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "TC260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
    }
    declared = " ".join(f'xmlns:{name}="{url}"' for name, url in spaces.items())
    body = "".join(
        f'<{key}><rdf:Alt><rdf:li xml:lang="x-default">{escape(value)}</rdf:li></rdf:Alt></{key}>'
        for key, value in properties.items()
    )
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {declared}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )


def xmp_png(properties: Mapping[str, str]) -> bytes:
    return pictures.png([pictures.international_chunk("XML:com.adobe.xmp", xmp(properties))])
