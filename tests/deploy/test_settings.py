import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tundish_deploy.jobs import run_analytics
from tundish_deploy.lines import delivery, opcua_connection
from tundish_deploy.secrets import kept_secret
from tundish_deploy.server import _dashboards, _vault
from tundish_deploy.settings import Settings, SettingsError, load_settings
from tundish_deploy.up import server_parts, store_parts

CONNECTION = """
[[connection]]
name = "press-1"
tenant = "steel"
url = "opc.tcp://127.0.0.1:4840"
token_file = "t"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "tundish.toml"
    path.write_text(text, "utf-8")
    return path


def test_file_and_environment_together_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNDISH_SERVER__PORT", "9001")
    settings = load_settings(
        written(tmp_path, "log_level = 'DEBUG'\n[server]\nport = 9000\nthreads = 4\n" + CONNECTION)
    )
    assert (settings.server.port, settings.server.threads, settings.log_level) == (9001, 4, "DEBUG")
    assert settings.connection[0].security == "Basic256Sha256"


def test_how_a_connection_keeps_its_data_reaches_the_connector(tmp_path: Path) -> None:
    kept = "spool_hours = 72.0\ncompress = true\n"
    kept += "thin = [ { paths = '*/T', deviation = 0.2, max_interval_s = 9 } ]\n"
    settings = load_settings(written(tmp_path, CONNECTION + kept))
    made = opcua_connection(settings, settings.connection[0])
    assert (made.spool_hours, made.compress, made.spool_bytes) == (72.0, True, 2 * 1024**3)
    assert [(rule.paths, rule.deviation, rule.max_interval_s) for rule in made.thin] == [("*/T", 0.2, 9.0)]


CLUSTER = """
[store]
mode = "cluster"
writers = 2
[store.cluster]
nats = ["nats://127.0.0.1:4222"]
objects = "s3://b/p"
"""


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\nport = 99999\n", "server.port"),
        ("[server]\nprot = 1\n", "server.prot"),
        ("colour = 1\n", "colour"),
        (CONNECTION.replace("opc.tcp", "http"), "connection.0.url"),
        (CONNECTION.replace('token_file = "t"', ""), "connection.0.token_file"),
        (CONNECTION + 'security = "None"\n', "connection.0"),
        (CONNECTION + 'thin = [ { paths = "*" } ]\n', "connection.0"),
        (CONNECTION + "spool_hours = 0\n", "connection.0.spool_hours"),
        ('[server]\nhost = "0.0.0.0"\n', "server"),
        ("[policy]\nraw_days = 0\n", "policy.raw_days"),
        ("[policy]\nraw_weeks = 1\n", "policy.raw_weeks"),
        ("[server]\nprocesses = 2\n", "server.processes"),
        ('[store]\nmode = "far"\n', "store.mode"),
        ('[store]\nmode = "cluster"\n', "store"),
        ('[store]\nmode = "writer"\nwriters = 2\n', "store"),
        (CLUSTER.replace("127.0.0.1:4222", "log-1:4222"), "store.cluster"),
        (CLUSTER + 'endpoint = "http://objects:8333"\n', "store.cluster"),
        (CLUSTER + 'access_key = "k"\n', "store.cluster"),
        (CLUSTER.replace("s3://b/p", "/srv/objects"), "store.cluster.objects"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, text))
    assert f" {key}: " in str(caught.value)


def test_the_policy_of_tenants_without_one_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNDISH_POLICY__RAW_DAYS", "90")
    found = load_settings(written(tmp_path, "[policy]\nrows_per_s = 500\n")).policy_defaults
    assert (found.raw_days, found.rows_per_s, found.max_bytes) == (90, 500, None)


def test_a_public_address_is_allowed_behind_tls(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, '[server]\nhost = "0.0.0.0"\nbehind_tls = true\n'))
    assert settings.server.host == "0.0.0.0"  # noqa: S104 - that it may listen there is the point


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml"):
        load_settings(tmp_path / "nothing.toml")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings(written(tmp_path, "[[["))


def test_the_metadata_database_lies_in_the_data_folder_by_default(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).database == f"sqlite:///{tmp_path / 'metadata.sqlite'}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["server"]),
        ('[server]\nprocesses = 2\n[store]\nmode = "writer"\n', ["writer", "server", "server-2"]),
        (CLUSTER, ["writer-1", "writer-2", "server"]),
        (CLUSTER.replace("writers = 2", "writers = 0"), ["server"]),
        (
            CLUSTER.replace("127.0.0.1", "log-1") + "allow_insecure = true\n",
            ["writer-1", "writer-2", "server"],
        ),
    ],
)
def test_the_settings_say_which_processes_run(tmp_path: Path, text: str, parts: list[str]) -> None:
    file = written(tmp_path, text)
    settings = load_settings(file)
    assert [part.name for part in store_parts(settings, file) + server_parts(settings, file)] == parts


def test_servers_with_one_folder_of_keys_know_each_others_sessions(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    apart = [_dashboards(Settings(data_dir=folder)).secret_key for folder in folders]
    assert apart[0] != apart[1]
    same = [
        _dashboards(Settings(data_dir=folder, keys_dir=tmp_path / "keys")).secret_key for folder in folders
    ]
    assert same[0] == same[1]
    vaults = [_vault(Settings(data_dir=folder, keys_dir=tmp_path / "keys")) for folder in folders]
    assert vaults[1].open(7, vaults[0].seal(7, {"a": "b"})) == {"a": "b"}
    assert Settings(data_dir=tmp_path).model_key is None
    assert Settings(keys_dir=tmp_path).model_key == tmp_path / "models.key"


def test_parts_ask_the_address_that_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").write_text("token")
    text = CONNECTION.replace('"t"', f'"{tmp_path / "t"}"')
    text += '[server]\naddress = "https://tundish.example"\n'
    text += f'[worker]\ntenants = ["steel"]\ntoken_file = "{tmp_path / "t"}"\n'
    settings = load_settings(written(tmp_path, text))
    assert delivery(settings, settings.connection[0]).base_url == "https://tundish.example"
    asked: list[object] = []
    monkeypatch.setattr("tundish_analytics.worker.run_worker", lambda *told: asked.extend(told))
    run_analytics(settings, threading.Event())
    assert asked[0] == "https://tundish.example"


def test_processes_that_start_together_sign_sessions_with_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: kept_secret(tmp_path / "key").get_secret_value(), range(32)))
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 32
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
