"""Settings: the order of places, the documented variables, and every mistake named at once."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from clipwatch.errors import SettingsError
from clipwatch.settings import RootSettings, Settings, described, is_loopback, load

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"


def problems(
    path: Path | None, environ: dict[str, str], overrides: dict[str, Any] | None = None
) -> list[str]:
    """The lines that say what is wrong."""
    with pytest.raises(SettingsError) as caught:
        load(path, environ, overrides or {})
    assert caught.value.exit_code == 78
    return caught.value.message.splitlines()


def problem(environ: dict[str, str]) -> str:
    (line,) = problems(None, environ)
    return line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


# --- the order -------------------------------------------------------------------------------


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load(None, {"STATE_DIRECTORY": str(tmp_path)}, {})
    assert settings.store.path == tmp_path / "clipwatch.db"
    assert settings.model_copy(update={"store": Settings().store}) == Settings()


def test_command_line_environment_file_default(file: Path) -> None:
    file.write_text('[server]\nport = 1\nhost = "::1"\n[log]\nlevel = "debug"\n')
    environ = {"CLIPWATCH_SERVER__PORT": "2", "CLIPWATCH_LOG__LEVEL": "error"}
    overrides = {"server.port": 3, "server.host": None}
    assert load(file, environ, overrides).server.port == 3
    assert load(file, environ, {}).server.port == 2
    assert load(file, {}, {}).server.port == 1
    assert load(None, {}, {}).server.port == 9000
    settings = load(file, environ, overrides)
    assert (settings.server.host, settings.log.level) == ("::1", "error")


@pytest.mark.parametrize(
    ("base", "api", "url"),
    [
        (None, None, "http://127.0.0.1:7860"),
        ("http://a:1", None, "http://a:1"),
        (None, "http://b:1", "http://b:1"),
        ("http://a:1", "http://b:1/", "http://a:1"),
        ("", "http://b:1/", "http://b:1"),
        (" ", "", "http://127.0.0.1:7860"),
    ],
)
def test_the_server_of_existing_installations(base: str | None, api: str | None, url: str) -> None:
    given = {"STABLE_DIFFUSION_BASE_URL": base, "STABLE_DIFFUSION_API_URL": api}
    environ = {name: value for name, value in given.items() if value is not None}
    assert load(None, environ, {}).clip.base_url == url


def test_an_empty_variable_does_not_hide_the_file(file: Path) -> None:
    file.write_text('[clip]\nbase_url = "http://file:1"\n')
    assert load(file, {"STABLE_DIFFUSION_BASE_URL": ""}, {}).clip.base_url == "http://file:1"
    environ = {"STABLE_DIFFUSION_API_URL": "http://b:1"}
    assert load(file, environ, {}).clip.base_url == "http://b:1"


@pytest.mark.parametrize("word", ["true", "1", "yes", "on"])
def test_clip_enabled_in_every_spelling(word: str) -> None:
    for spelling in (word, word.upper(), word.title()):
        assert load(None, {"CLIP_ENABLED": spelling}, {}).clip.enabled


@pytest.mark.parametrize("word", ["false", "0", "no", "off"])
def test_clip_disabled_in_every_spelling(word: str) -> None:
    for spelling in (word, word.upper(), word.title()):
        assert not load(None, {"CLIP_ENABLED": spelling}, {}).clip.enabled
    assert load(None, {"CLIP_ENABLED": ""}, {}).clip.enabled


def test_clip_timeout() -> None:
    assert load(None, {"CLIP_TIMEOUT_SECS": "12.5"}, {}).clip.timeout_secs == 12.5
    for wrong in ("0", "-1", "nan", "inf", "soon"):
        line = problem({"CLIP_TIMEOUT_SECS": wrong})
        assert line.startswith(f"clip.timeout_secs = '{wrong}' (CLIP_TIMEOUT_SECS): must be ")


def test_hours_of_the_backlog() -> None:
    environ = {"CLIPWATCH_COURTESY__HOURS": "22:00 - 06:30"}
    assert load(None, environ, {}).courtesy.hours == "22:00-06:30"
    assert load(None, {}, {}).courtesy.hours == ""
    for wrong, why in (("22-6", "must be like 22:00-06:00"), ("22:00-22:00", "different times")):
        line = problem({"CLIPWATCH_COURTESY__HOURS": wrong})
        assert line.startswith(f"courtesy.hours = '{wrong}' (CLIPWATCH_COURTESY__HOURS): must ")
        assert why in line


def test_a_root_names_a_back_end_that_is_there(file: Path, tmp_path: Path) -> None:
    file.write_text(f'[[roots]]\npath = "{tmp_path}"\nbackend = "studio"\n')
    [line] = problems(file, {})
    assert "names the back end 'studio'; there are: default" in line


def test_what_a_back_end_takes_is_a_search(file: Path) -> None:
    file.write_text('[[backends]]\nname = "a"\nurl = "http://a:1"\nwhere = "path:( x"\n')
    [line] = problems(file, {})
    assert line.startswith("backends[0].where = 'path:( x'")
    assert "must be a search" in line


def test_lists_in_the_environment(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "two, three"
    commas = load(None, {"CLIPWATCH_WATCHING__IGNORE": "*.tmp, .*,"}, {})
    assert commas.watching.ignore == ("*.tmp", ".*")
    roots = load(None, {"CLIPWATCH_ROOTS": f'["{one}", {{"path": "{other}"}}]'}, {}).roots
    assert roots == (RootSettings(path=one), RootSettings(path=other))
    backends = '[{"name": "gpu", "url": "http://gpu:7860", "kind": "sdapi"}]'
    assert load(None, {"CLIPWATCH_BACKENDS": backends}, {}).backends[0].kind == "sdapi"
    line = problem({"CLIPWATCH_BACKENDS": '[{"password": "geheim"'})
    assert line.startswith("backends (CLIPWATCH_BACKENDS): is not valid JSON")
    assert "geheim" not in line


def test_the_token_may_be_a_credential(tmp_path: Path) -> None:
    (tmp_path / "api-token").write_text("from systemd\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "CLIPWATCH_SERVER__HOST": "0.0.0.0"}
    token = load(None, environ, {}).server.token
    assert token is not None and token.get_secret_value() == "from systemd"
    nearer = load(None, {**environ, "CLIPWATCH_SERVER__TOKEN": "nearer"}, {}).server.token
    assert nearer is not None and nearer.get_secret_value() == "nearer"


def test_settings_are_frozen() -> None:
    server = load(None, {}, {}).server
    with pytest.raises(ValidationError, match="frozen"):
        setattr(server, "port", 1)  # noqa: B010 - the type checker knows that it cannot be done


# --- paths -----------------------------------------------------------------------------------


def test_relative_paths_are_below_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "here").mkdir()
    file = tmp_path / "etc" / "config.toml"
    file.write_text(
        'roots = ["a", {path = "~/b"}]\n[store]\npath = "x.db"\n'
        '[server]\nallowed_folders = ["/c", "d"]\n'
    )
    monkeypatch.chdir(tmp_path / "here")
    settings = load(Path("../etc/config.toml"), {"HOME": "/home/me"}, {})
    assert [root.path for root in settings.roots] == [tmp_path / "etc/a", Path("/home/me/b")]
    assert settings.store.path == tmp_path / "etc/x.db"
    assert settings.server.allowed_folders == (Path("/c"), tmp_path / "etc/d")
    named = load(file, {}, {"roots": [Path("e"), Path("f")]})
    assert [root.path for root in named.roots] == [tmp_path / "here/e", tmp_path / "here/f"]
    assert load(None, {"CLIPWATCH_ROOTS": "g"}, {}).roots[0].path == tmp_path / "here/g"


def test_a_root_may_be_absent_but_must_not_be_a_file(tmp_path: Path) -> None:
    absent, file = tmp_path / "unmounted", tmp_path / "file"
    file.touch()
    assert load(None, {}, {"roots": [absent]}).roots[0].path == absent
    assert problems(None, {}, {"roots": [file]}) == [
        f"roots[0].path = '{file}' (FOLDER): must be a folder, and it is none"
    ]


def test_a_root_with_an_undecodable_name(tmp_path: Path) -> None:
    path = Path(f"{tmp_path}/caf\udce9")
    path.mkdir()
    assert load(None, {}, {"roots": [path]}).roots[0].path == path


def test_roots_may_not_lie_in_each_other(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a/b")
    for one, other in (("a", "a/b"), ("a/b", "a"), ("a", "a"), ("a", "link"), ("a/b", "link")):
        roots = [tmp_path / one, tmp_path / other]
        (line,) = problems(None, {}, {"roots": roots})
        assert str(roots[0]) in line and str(roots[1]) in line and "FOLDER" in line
    assert len(load(None, {}, {"roots": [tmp_path / "a", tmp_path / "ab"]}).roots) == 2


def test_allowed_folders_and_roots_lie_apart(tmp_path: Path) -> None:
    allowed = {"CLIPWATCH_SERVER__ALLOWED_FOLDERS": str(tmp_path)}
    (line,) = problems(None, allowed, {"roots": [tmp_path / "a"]})
    assert "must not lie in each other" in line and "CLIPWATCH_SERVER__ALLOWED_FOLDERS" in line
    elsewhere = {"CLIPWATCH_SERVER__ALLOWED_FOLDERS": str(tmp_path / "b")}
    assert load(None, elsewhere, {"roots": [tmp_path / "a"]}).server.allowed_folders


def test_the_database_may_lie_in_no_root(tmp_path: Path) -> None:
    environ = {"STATE_DIRECTORY": str(tmp_path / "a" / "state")}
    (line,) = problems(None, environ, {"roots": [tmp_path / "a"]})
    assert line.startswith("store (default): the database ")
    assert line.endswith(f"must not lie in the root {tmp_path / 'a'}")


# --- mistakes --------------------------------------------------------------------------------


def test_everything_wrong_is_named_at_once(file: Path) -> None:
    file.write_text(
        """
        log = 5
        [sever]
        port = 1
        [clip]
        timeout_secs = true
        pasword = "geheim"
        password = 5
        base_url = "http://me:geheim/x@h"
        [watching]
        ignore = "*.tmp"
        [[roots]]
        path = "a"
        recursive = "maybe"
        [[backends]]
        name = "x"
        url = "ftp://x"
        """
    )
    environ = {"CLIPWATCH_SERVER__PROT": "1", "CLIP_ENABLED": "perhaps", "CLIPWATCH_URL": "u"}
    lines = set(problems(file, environ, {"server.port": 99999}))
    assert lines == {
        f"log ({file}): must be a table, [log]",
        "CLIPWATCH_SERVER__PROT (environment): unknown variable; "
        "did you mean CLIPWATCH_SERVER__PORT?",
        f"backends[0].url = 'ftp://x' ({file}): must be like http://127.0.0.1:7860: "
        "http or https, host, port, path",
        f"roots[0].recursive = 'maybe' ({file}): must be true, false, 1, 0, yes, no, on or off",
        "server.port = 99999 (--port): must be less than or equal to 65535",
        f"clip.base_url = 'http://***@h' ({file}): must hold no credentials; "
        "use the keys username and password",
        f"clip.timeout_secs = true ({file}): must be a number",
        "clip.enabled = 'perhaps' (CLIP_ENABLED): must be true, false, 1, 0, yes, no, on or off",
        f"clip.password ({file}): must be a valid string",
        f"clip.pasword ({file}): unknown key; did you mean password?",
        f"watching.ignore ({file}): must be a list",
        f"sever ({file}): unknown key; did you mean server?",
    }


def test_a_syntax_error_names_file_and_line(file: Path) -> None:
    file.write_text("[server]\nport = \n")
    (line,) = problems(file, {})
    assert line.startswith(f"{file}: is not valid TOML: ") and "line 2" in line


def test_a_file_that_cannot_be_read(file: Path) -> None:
    assert problems(file, {}) == [f"{file}: cannot be read: No such file or directory"]
    file.write_bytes(b"\xff")
    assert problems(file, {})[0].startswith(f"{file}: is not valid TOML")


def test_a_byte_order_mark_is_no_mistake(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 1\r\n")
    assert load(file, {}, {}).server.port == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_off_loopback_a_token_is_needed(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(SettingsError, match=r"set server\.token"):
        load(None, {}, {"server.host": host})
    with pytest.raises(SettingsError, match=r"set server\.token"):
        load(None, {}, {"server.host": host, "server.token": ""})
    assert load(None, {}, {"server.host": host, "server.token": "geheim"}).server.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_loopback_none_is(host: str) -> None:
    assert load(None, {"CLIPWATCH_SERVER__HOST": host}, {}).server.host == host


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:7860", "localhost:7860", "http://", "http://h:x", "http://[::1", "http://a b"],
)
def test_what_is_no_address(url: str) -> None:
    assert problem({"STABLE_DIFFUSION_BASE_URL": url}).startswith(
        f"clip.base_url = '{url}' (STABLE_DIFFUSION_BASE_URL): must be like http://"
    )


def test_backends(file: Path) -> None:
    file.write_text(
        '[[backends]]\nname = "a"\nurl = "http://a:1/"\n[[backends]]\nname = "a"\nurl = "http://b"\n'
    )
    assert problems(file, {}) == [f"backends ({file}): every name must be given once; doubled: a"]
    file.write_text('[[backends]]\nname = "a"\nurl = "http://a:1/"\n')
    settings = load(file, {}, {})
    assert [backend.url for backend in settings.all_backends()] == ["http://a:1"]


def backend(file: Path, lines: str) -> None:
    file.write_text(f'[[backends]]\nname = "a"\nurl = "http://a:1"\n{lines}')


def test_headers_and_parameters_are_secrets(file: Path) -> None:
    backend(file, 'headers = { X-Key = "geheim" }\nquery = { token = "auch geheim" }\n')
    (found,) = load(file, {}, {}).backends
    assert found.headers["X-Key"].get_secret_value() == "geheim"
    assert found.query["token"].get_secret_value() == "auch geheim"
    assert "geheim" not in f"{found!r} {described(file, {})}"


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ('headers = { "X Key" = "geheim" }', "'X Key' is no name of a header"),
        ('headers = { origin = "http://geheim" }', "origin cannot be given"),
        ('headers = { X-Key = "geheim\\r\\nHost: evil" }', "X-Key must be printable ASCII"),
        ("headers = { X-Key = 7 }", "valid string"),
        ('headers = "geheim"', "must be a table"),
        ('headers = { authorization = "geheim" }\npassword = "geheim"', "not both"),
        ('workflow = "w.json"\nkind = "sdapi"', 'a workflow is for kind = "comfyui"'),
        ('output_node = "7"', "belong to a workflow"),
    ],
)
def test_what_a_back_end_cannot_have(file: Path, lines: str, wrong: str) -> None:
    backend(file, lines)
    (line,) = problems(file, {})
    assert line.startswith("backends[0]") and wrong in line
    assert "geheim" not in line


def test_a_workflow_lies_beside_the_file(file: Path) -> None:
    backend(file, 'workflow = "sub/w.json"\n')
    assert load(file, {}, {}).backends[0].workflow == file.parent / "sub" / "w.json"


def test_the_clip_section_is_the_back_end_called_default() -> None:
    environ = {
        "STABLE_DIFFUSION_BASE_URL": "http://gpu:7860",
        "CLIPWATCH_CLIP__USERNAME": "me",
        "CLIPWATCH_CLIP__PASSWORD": "geheim",
        "CLIPWATCH_ROOTS": '[{"path": "/nowhere"}]',
    }
    (backend,) = load(None, environ, {}).all_backends()
    assert (backend.name, backend.url, backend.username) == ("default", "http://gpu:7860", "me")
    assert backend.password is not None and backend.password.get_secret_value() == "geheim"


@given(
    st.dictionaries(
        st.sampled_from(
            ["CLIP_ENABLED", "CLIP_TIMEOUT_SECS", "STABLE_DIFFUSION_BASE_URL"]
            + [f"CLIPWATCH_{name}" for name in ("ROOTS", "BACKENDS", "SERVER__PORT", "LOG__LEVEL")]
            + ["CLIPWATCH_SERVER__ALLOWED_FOLDERS", "CLIPWATCH_X"]
        ),
        st.text(st.characters(exclude_characters="\0")),
    )
)
def test_whatever_the_environment_says_it_is_settings_or_a_message(environ: dict[str, str]) -> None:
    try:
        load(None, environ, {})
    except SettingsError as error:
        assert all(re.search(r" \(.+\): .", line) for line in error.message.splitlines())


# --- what is shown ---------------------------------------------------------------------------


def test_what_is_in_force_and_from_where(file: Path) -> None:
    file.write_text('[server]\nport = 1\ntoken = "geheim"\n')
    rows = described(file, {"CLIP_ENABLED": "no"})
    origins = {key: origin for key, _, origin in rows}
    assert origins["server.port"] == str(file)
    assert origins["clip.enabled"] == "CLIP_ENABLED"
    assert origins["log.level"] == "default"
    assert ("server.token", "**********", str(file)) in rows
    assert "geheim" not in str(rows)


def test_a_local_model_has_no_url_and_a_server_has_one(file: Path) -> None:
    file.write_text('[[backends]]\nname = "a"\nkind = "local"\nmodel = "wd-vit-tagger-v3"\n')
    (backend,) = load(file, {}, {}).all_backends()
    assert (backend.kind, backend.url, backend.provider) == ("local", "", "cpu")
    file.write_text(
        '[[backends]]\nname = "a"\nkind = "local"\nurl = "http://a:1"\nbatch_size = 0\n'
        'provider = "rocm"\ngeneral_threshold = 1.1\n[[backends]]\nname = "b"\n'
    )
    found = problems(file, {})
    assert len(found) == 5
    assert f"backends[0].url = 'http://a:1' ({file}): a local model has none; leave it out" in found
    assert f"backends[1].url = '' ({file}): must be given" in found


def test_the_example_loads_as_it_is() -> None:
    assert load(EXAMPLE, {"HOME": "/nowhere"}, {}) == load(None, {"HOME": "/nowhere"}, {})


def uncommented() -> dict[str, Any]:
    """The example with every setting in it uncommented."""
    text = re.sub(r"^#(?=\[|[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    return tomllib.loads(text)


def test_the_example_has_every_setting_and_nothing_else() -> None:
    tables = uncommented()
    assert tables.keys() == Settings.model_fields.keys()
    for name, value in tables.items():
        annotation: Any = Settings.model_fields[name].annotation
        model = annotation.__args__[0] if isinstance(value, list) else annotation
        assert issubclass(model, BaseModel)
        table = value[0] if isinstance(value, list) else value
        assert table.keys() == model.model_fields.keys(), name


def test_the_examples_values_are_the_defaults(file: Path) -> None:
    text = re.sub(r"^#(?=\[|[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    file.write_text(text)
    shown = load(file, {"HOME": "/nowhere"}, {})
    defaults = load(None, {"HOME": "/nowhere"}, {})
    assert shown.server.model_dump(exclude={"token"}) == defaults.server.model_dump(
        exclude={"token"}
    )
    assert shown.clip.model_dump(exclude={"password"}) == defaults.clip.model_dump(
        exclude={"password"}
    )
    assert (shown.store, shown.watching, shown.log) == (
        defaults.store,
        defaults.watching,
        defaults.log,
    )
    (root,), (backend,) = shown.roots, shown.backends
    assert root == RootSettings(path=root.path)
    (default,) = defaults.all_backends()
    examples = {"password", "headers", "query", "workflow"}
    assert backend.model_dump(exclude=examples) == default.model_dump(exclude=examples)


def test_every_line_of_the_example_has_its_help() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for above, line in pairwise(lines):
        if re.match(r"#[a-z_]+ = ", line):
            assert above.startswith("# "), line
        assert len(line) <= 100
