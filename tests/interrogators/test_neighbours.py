"""Other servers on this machine: found, named, and left alone otherwise."""

from clipwatch.interrogators.neighbours import INTERVAL_SECONDS, Neighbour, Neighbours
from tests.servers import FakeA1111, FakeComfyui, FakeGeneric, FakeOllama


async def test_those_of_a_known_kind_are_found_and_given_no_work() -> None:
    async with FakeComfyui() as comfyui, FakeOllama() as ollama, FakeGeneric() as unknown:
        servers = (comfyui, ollama, unknown)
        ports = [server.port for server in servers]
        neighbours = Neighbours(ports, monotonic=lambda: 0.0, patience=60.0)
        assert await neighbours.found() == (
            Neighbour(comfyui.url, "comfyui"),
            Neighbour(ollama.url, "openai"),
        )
        assert {seen.method for server in servers for seen in server.seen} == {"GET"}


async def test_a_port_where_nothing_listens_is_passed_over() -> None:
    async with FakeA1111() as gone:
        port = gone.port
    assert await Neighbours([port], monotonic=lambda: 0.0, patience=60.0).found() == ()


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async with FakeA1111() as server:
        server.frozen = True
        neighbours = Neighbours([server.port], monotonic=lambda: 0.0, patience=0.05)
        assert await neighbours.found() == ()


async def test_they_are_looked_for_seldom() -> None:
    now = 0.0
    async with FakeA1111() as server:
        neighbours = Neighbours([server.port], monotonic=lambda: now, patience=60.0)
        assert len(await neighbours.found()) == 1
        now = INTERVAL_SECONDS - 1
        assert len(await neighbours.found()) == 1
        seen = len(server.seen)
        assert seen < 10
        now = INTERVAL_SECONDS
        await neighbours.found()
        assert len(server.seen) == 2 * seen


async def test_what_is_set_already_is_not_suggested() -> None:
    async with FakeA1111() as one, FakeComfyui() as other:
        neighbours = Neighbours([one.port, other.port], monotonic=lambda: 0.0, patience=60.0)
        local = f"http://localhost:{one.port}/"
        assert await neighbours.beside([local, ""]) == (Neighbour(other.url, "comfyui"),)
        elsewhere = f"http://gpu.example:{one.port}"
        assert len(await neighbours.beside([elsewhere])) == 2
