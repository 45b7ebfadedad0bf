"""Real HTTP servers on loopback that speak each protocol, and lie as the genuine ones do."""

from tests.servers.a1111 import FakeA1111
from tests.servers.clipext import FakeClipExt
from tests.servers.comfyui import FakeComfyui
from tests.servers.fake import FakeServer, Seen
from tests.servers.generic import FakeGeneric
from tests.servers.koboldcpp import FakeKoboldCpp
from tests.servers.openai import FakeLlamaCpp, FakeLmStudio, FakeOllama, FakeOpenai, FakeVllm
from tests.servers.sdnext import FakeSdNext
from tests.servers.tagger import FakeTagger

__all__ = [
    "FakeA1111",
    "FakeClipExt",
    "FakeComfyui",
    "FakeGeneric",
    "FakeKoboldCpp",
    "FakeLlamaCpp",
    "FakeLmStudio",
    "FakeOllama",
    "FakeOpenai",
    "FakeSdNext",
    "FakeServer",
    "FakeTagger",
    "FakeVllm",
    "Seen",
]
