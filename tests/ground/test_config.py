"""Settings: file and environment in, one frozen Config out, or a stop that says what to do."""

import tomllib
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from ombud.config import Config, ConfigError, load, sample
from ombud.config_table import DERIVED, TABLE

REPOSITORY = Path(__file__).parents[2]
EVERY_KEY = [each for keys in TABLE.values() for each in keys.values()]
OTHER_VALUES = {  # one good value per kind of key that is not its default
    "publish_email": "roots@example.org",
    "timestamp_url": "https://stamps.example.org/tsr",
    "timestamp_roots": "/elsewhere/roots.pem",
    "host": "0.0.0.0",
    "base_url": "https://desk.example.org",
    "secure_cookies": "never",
    "dir": "elsewhere",
    "url": "postgresql://ombud:pw@db.example.org/ombud",
    "master_key_file": "keys/master",
    "broker": "postgres",
    "blocked": ["portal", "webform"],
    "enabled_first": ["portal"],
    "trusted_proxies": ["127.0.0.1", "10.0.0.0/8"],
    "hosts": ["desk.internal"],
    "second_factor_roles": ["administrator"],
    "blocked_files": ["program", "macro"],
    "name": "night",
    "publish_file": "published.jsonl",
    "level": "debug",
    "reference_prefix": "ACME",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), environ=environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_file_and_environment_the_defaults_hold(tmp_path: Path) -> None:
    config = load(environ={})
    assert (config.server.host, config.server.port, config.server.base_url) == (
        "127.0.0.1",
        8000,
        "http://127.0.0.1:8000",
    )
    assert config.data.dir == tmp_path / "data"
    assert config.secrets.master_key_file == tmp_path / "data" / "secrets" / "master.key"
    assert config.ledger.publish_file == tmp_path / "data" / "checkpoints.jsonl"
    assert config.plugins.enabled_first == ("*",)
    assert config.complaints.answer_within_days == 56


def test_the_commented_keys_of_settings_toml_are_the_table_with_its_defaults() -> None:
    text = (REPOSITORY / "settings.toml").read_text()
    assert text == sample(), (
        "run: python -c 'from ombud.config import sample; print(sample(), end=\"\")' > settings.toml"
    )
    lines = [
        line.removeprefix("#") if line.startswith("#") and line[1:2] != " " else line for line in text.splitlines()
    ]
    shown = tomllib.loads("\n".join(lines))
    assert list(shown) == list(TABLE)
    for section, keys in TABLE.items():
        assert list(shown[section]) == list(keys)
        for name, each in keys.items():
            default = "" if each.default == DERIVED else each.default
            assert shown[section][name] == (
                list(default) if isinstance(default, tuple) else type(shown[section][name])(default)
            )


def test_settings_toml_as_shipped_changes_nothing(tmp_path: Path) -> None:
    assert load(written(tmp_path, sample()), environ={}) == load(environ={})


@pytest.mark.parametrize("each", EVERY_KEY, ids=lambda each: each.variable)
def test_every_key_means_the_same_in_the_file_and_in_the_environment(tmp_path: Path, each) -> None:
    other = OTHER_VALUES.get(each.name, each.default + 3 if isinstance(each.default, int) else None)
    as_toml = repr(other).replace("'", '"')
    as_variable = ",".join(other) if isinstance(other, list) else str(other)
    from_file = load(written(tmp_path, f"[{each.section}]\n{each.name} = {as_toml}\n"), environ={})
    (tmp_path / "settings.toml").unlink()
    from_environment = load(environ={each.variable: as_variable})
    assert from_file == from_environment
    assert (from_file != load(environ={})) is (each.name != "broker")


def test_the_environment_wins_over_the_file_and_the_argument_over_both(tmp_path: Path) -> None:
    path = written(tmp_path, '[data]\ndir = "one"\n[server]\nport = 1\n')
    environ = {"OMBUD_DATA_DIR": str(tmp_path / "two"), "OMBUD_SERVER_PORT": "2"}
    assert load(path, environ=environ).server.port == 2
    assert load(path, environ=environ).data.dir == tmp_path / "two"
    assert load(path, data=Path("three"), environ=environ).data.dir == tmp_path / "three"


def test_the_settings_file_is_looked_for_in_four_places(tmp_path: Path) -> None:
    for port, place in enumerate(("argument", "variable", "data", "."), 1):
        (tmp_path / place).mkdir(exist_ok=True)
        written(tmp_path / place, f"[server]\nport = {port}\n")
    named, data = {"OMBUD_SETTINGS": "variable/settings.toml"}, tmp_path / "data"
    assert load(Path("argument/settings.toml"), data, named).server.port == 1
    assert load(None, data, named).server.port == 2
    assert load(None, data, {}).server.port == 3
    assert load(None, None, {"OMBUD_DATA_DIR": "data"}).server.port == 3
    assert load(None, None, {}).server.port == 4


@pytest.mark.parametrize("environ", [{}, {"OMBUD_SETTINGS": "missing.toml"}])
def test_a_settings_file_that_was_named_but_is_not_there_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml: there is no such settings file\. Correct the path"):
        load(None if environ else Path("missing.toml"), environ=environ)


def test_relative_paths_start_at_the_settings_file_or_at_the_working_folder(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    assert load(written(etc, ""), environ={}).data.dir == etc / "data"
    path = written(etc, '[data]\ndir = "../desk"\n[ledger]\npublish_file = "out.jsonl"\n')
    config = load(path, environ={})
    assert config.data.dir == tmp_path / "desk"
    assert config.secrets.master_key_file == tmp_path / "desk" / "secrets" / "master.key"
    assert config.ledger.publish_file == etc / "out.jsonl"
    assert load(path, environ={"OMBUD_DATA_DIR": "here"}).data.dir == tmp_path / "here"


def test_the_master_key_has_a_short_variable_too(tmp_path: Path) -> None:
    short = load(environ={"OMBUD_MASTER_KEY_FILE": "/run/key"})
    assert short == load(environ={"OMBUD_SECRETS_MASTER_KEY_FILE": "/run/key"})
    assert short.secrets.master_key_file == Path("/run/key")
    with pytest.raises(ConfigError, match="OMBUD_MASTER_KEY_FILE and OMBUD_SECRETS_MASTER_KEY_FILE differ"):
        load(environ={"OMBUD_MASTER_KEY_FILE": "/a", "OMBUD_SECRETS_MASTER_KEY_FILE": "/b"})


def test_a_mistyped_key_is_named_with_its_line_and_the_nearest_one(tmp_path: Path) -> None:
    [problem] = refusal(tmp_path, "# mine\n\n[server]\nport = 80\nprot = 81\n")
    assert problem == f"{tmp_path / 'settings.toml'}, line 5: [server] prot is not a setting. Did you mean port?"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    problems = refusal(tmp_path, '[serfer]\nx = 1\n[jobs]\nbroker = "redis"\n', OMBUD_LOG_LEVEL="loud")
    assert "line 1: serfer is not a section. Did you mean server?" in problems[0]
    assert "line 4: [jobs] broker" in problems[1]
    assert 'must be "postgres"; RabbitMQ and Redis come later' in problems[1]
    assert problems[2].startswith('OMBUD_LOG_LEVEL = "loud" must be one of "debug", "info", "warning", "error".')


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[server]\n\nport = 70000", 3, "must be a whole number from 0 to 65535. The default is 8000."),
        ('[server]\nport = "8000"', 2, "must be a whole number"),
        ("[server]\nport = 80.5", 2, "must be a whole number"),
        ("[server]\nport = true", 2, "must be a whole number"),
        ("server.port = -1", 1, "must be a whole number"),
        ("[server]\nhost = ''", 2, "must be text"),
        ("[server]\nbase_url = 'desk.example.org'", 2, 'an address like "https://desk.example.org"'),
        ("[server]\nbase_url = 'http://['", 2, 'an address like "https://desk.example.org"'),
        ("[data]\ndir = ''", 2, "must be the path of a folder"),
        ("[plugins]\nblocked = 'portal'", 2, 'a list of slugs like ["my-plugin"]'),
        ("[plugins]\nblocked = [1]", 2, "a list of slugs"),
        ("[log]\nlevel = 'loud'", 2, 'must be one of "debug"'),
        ("[complaints]\nreference_prefix = 'om b'", 2, "two to six capital letters"),
        ("port = 8000", 1, "port stands in no section. Put it under [server]."),
        ("server = 1", 1, "server is a section, not a key. Write [server]"),
        ("colour = 1", 1, "colour is not a section. Remove it, or choose from server,"),
        ("[[server]]\nport = 1", 1, "server is a section, not a key"),
    ],
)
def test_bad_values_are_refused_with_line_and_remedy(tmp_path: Path, text: str, line: int, said: str) -> None:
    [problem] = refusal(tmp_path, text)
    assert f"settings.toml, line {line}: " in problem
    assert said in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[database]\npool_min = 9\npool_max = 3", "pool_min is above pool_max"),
        ("[jobs]\nheartbeat_seconds = 9", "ttl_seconds must be above heartbeat_seconds"),
        ("[limits]\nattachment_mb = 30", "attachment_mb is above body_mb"),
        ("[server\n", "this is not TOML"),
    ],
)
def test_keys_that_contradict_each_other_and_broken_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)[0]


def test_a_file_that_is_not_utf8_is_refused_and_one_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(b'[theme]\nname = "\xff"\n')
    with pytest.raises(ConfigError, match="byte 16 is not UTF-8"):
        load(path, environ={})
    path.write_bytes(b"\xef\xbb\xbf[server]\nport = 3\n")
    assert load(path, environ={}).server.port == 3


def test_a_mistyped_variable_of_a_known_section_is_refused_and_others_are_left_alone(tmp_path: Path) -> None:
    [problem] = refusal(tmp_path, "", OMBUD_SIGN_IN_ATEMPTS="3")
    assert problem == "OMBUD_SIGN_IN_ATEMPTS is not a setting. Did you mean OMBUD_SIGN_IN_ATTEMPTS?"
    assert load(environ={"OMBUD_TEST_DATABASE_URL": "x", "PATH": "/bin", "OMBUD_OTHER": "y"}) == load(environ={})


def test_a_password_is_neither_in_messages_nor_in_the_printed_settings(tmp_path: Path) -> None:
    [problem] = refusal(tmp_path, "[database]\nurl = 'mysql://ombud:hunter2@db/ombud'\n")
    assert "hunter2" not in problem
    (tmp_path / "settings.toml").unlink()
    config = load(environ={"OMBUD_DATABASE_URL": "postgresql://ombud:hunter2@db/ombud"})
    assert "hunter2" in config.database.url
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000"), ("desk.lan", "http://desk.lan:8000")],
)
def test_links_follow_from_host_and_port_unless_an_address_is_given(host: str, address: str) -> None:
    assert load(environ={"OMBUD_SERVER_HOST": host}).server.base_url == address
    given = load(environ={"OMBUD_SERVER_HOST": host, "OMBUD_SERVER_BASE_URL": "https://desk.example.org/"})
    assert given.server.base_url == "https://desk.example.org"


def test_cookies_are_secure_behind_https_or_when_told() -> None:
    def secure(**environ: str) -> bool:
        return load(environ=environ).server.cookies_are_secure

    assert not secure()
    assert secure(OMBUD_SERVER_BASE_URL="https://desk.example.org")
    assert secure(OMBUD_SERVER_SECURE_COOKIES="always")
    assert not secure(OMBUD_SERVER_BASE_URL="https://desk.example.org", OMBUD_SERVER_SECURE_COOKIES="never")


def test_settings_cannot_be_changed_after_loading() -> None:
    config: Config = load(environ={})
    with pytest.raises(FrozenInstanceError):
        config.server.port = 1
