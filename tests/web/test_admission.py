import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.web import admission
from clipwatch.web.admission import host_allowed, known_names, origin_allowed

PORT = 9000
NAMES = known_names("127.0.0.1", ("render.lan", "proxy.example:8443"))
PORTS = st.integers(min_value=0, max_value=65535)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:9000",
        "LOCALHOST:9000",
        "127.0.0.1:9000",
        "[::1]",
        "[::1]:9000",
        "render.lan",
        "render.lan:9000",
        "proxy.example:8443",
    ],
)
def test_our_own_names_are_answered(host: str) -> None:
    assert host_allowed(host, NAMES, PORT)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":",
        ":9000",
        "evil.example",
        "evil.example:9000",
        "localhost:9001",
        "localhost:",
        "localhost:09000",
        "localhost.",
        "localhost:9000:9000",
        "localhost.evil.example",
        "user@localhost",
        "127.0.0.2:9000",
        "::1",
        "proxy.example",
        "proxy.example:9000",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not host_allowed(host, NAMES, PORT)


@given(st.sampled_from(sorted(admission.LOOPBACK_NAMES)), PORTS, PORTS)
def test_only_our_own_port_is_right(name: str, ours: int, given_port: int) -> None:
    assert host_allowed(f"{name}:{given_port}", NAMES, ours) == (ours == given_port)


@given(st.text(), PORTS)
def test_a_host_that_is_allowed_begins_with_a_name_of_ours(host: str, port: int) -> None:
    if host_allowed(host, NAMES, port):
        assert host.lower().removesuffix(f":{port}") in NAMES


@given(st.sampled_from(sorted(admission.LOOPBACK_NAMES)), PORTS)
def test_no_port_is_right_on_a_unix_socket(name: str, port: int) -> None:
    assert host_allowed(name, NAMES, None)
    assert not host_allowed(f"{name}:{port}", NAMES, None)


@pytest.mark.parametrize(
    ("bound", "name"), [("192.168.1.5", "192.168.1.5"), ("fd00::5", "[fd00::5]"), ("nas", "nas")]
)
def test_the_address_that_we_are_bound_to_is_a_name(bound: str, name: str) -> None:
    assert name in known_names(bound, ())


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", ""])
def test_any_address_is_no_name(bound: str) -> None:
    assert known_names(bound, ()) == admission.LOOPBACK_NAMES


@given(st.sampled_from(["http", "https", "HTTP"]), st.sampled_from(["localhost:9000", "nas"]))
def test_our_own_pages_may_ask(scheme: str, host: str) -> None:
    assert origin_allowed(f"{scheme}://{host}", host.upper())


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "localhost:9000",
        "http://localhost",
        "http://localhost:8188",
        "http://localhost:9000/",
        "http://localhost:9000.evil.example",
        "http://evil.example",
        "file://localhost:9000",
    ],
)
def test_pages_of_others_may_not(origin: str) -> None:
    assert not origin_allowed(origin, "localhost:9000")


@given(st.text(), st.text())
def test_an_origin_that_is_allowed_names_the_host(origin: str, host: str) -> None:
    if origin_allowed(origin, host):
        assert origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


@pytest.mark.parametrize(
    ("site", "allowed"),
    [
        ("same-origin", True),
        ("none", True),
        ("same-site", False),
        ("cross-site", False),
        ("", False),
        ("something-new", False),
    ],
)
def test_which_sites_may_fetch(site: str, allowed: bool) -> None:
    assert admission.fetch_site_allowed(site) is allowed


@given(st.text(min_size=1), st.text())
def test_only_the_token_itself_matches(token: str, given_token: str) -> None:
    assert admission.token_matches(given_token, token) is (given_token == token)


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        ("Bearer geheim-ü", True),
        ("bearer geheim-ü", True),
        ("Bearer  geheim-ü ", True),
        ("Bearer", False),
        ("Basic geheim-ü", False),
        ("geheim-ü", False),
        ("", False),
    ],
)
def test_what_the_authorization_header_must_say(authorization: str, allowed: bool) -> None:
    assert admission.bearer_allowed(authorization, "geheim-ü") is allowed


def test_the_cookie_does_not_hold_the_token() -> None:
    assert "geheim" not in admission.session_value("geheim")
    assert admission.session_value("geheim") != admission.session_value("anders")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["Host", "Accept"], False),
        (["Host", "ORIGIN"], True),
        (["Sec-Fetch-Mode"], True),
        ([], False),
    ],
)
def test_what_gives_a_browser_away(names: list[str], found: bool) -> None:
    assert admission.from_browser(names) is found
