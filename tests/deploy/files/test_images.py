"""The images' files: linted, held against the code; the edge's is built without Docker, step by step."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tundish_deploy.settings import Settings

if TYPE_CHECKING:
    from conftest import Code

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "containers"
NAMES = ("server", "edge")
# What a gateway must do without.
WEB_AND_MODELS = ("dash", "flask", "sklearn", "sqlalchemy", "scipy", "waitress", "deltalake", "plotly")


def steps(name: str) -> list[tuple[str, str]]:
    """Instructions of a file, each with its words on one line."""
    text = re.sub(r"\\\n", " ", (FOLDER / f"{name}.Dockerfile").read_text("utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def words(name: str, instruction: str) -> list[str]:
    return [told for kind, told in steps(name) if kind == instruction]


def hadolint(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program, "hadolint is missing; install it with: make test-env"
    return subprocess.run([program, *arguments], input=text, capture_output=True, text=True, check=False)


@pytest.mark.integration
@pytest.mark.parametrize("name", NAMES)
def test_the_linter_finds_nothing(name: str) -> None:
    done = hadolint("--failure-threshold", "info", str(FOLDER / f"{name}.Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.integration
def test_the_linter_finds_what_it_should() -> None:
    text = "FROM python:latest\nRUN pip install flask\nUSER root\n"
    done = hadolint("--failure-threshold", "info", "-", text=text)
    assert done.returncode == 1
    assert {"DL3007", "DL3013", "DL3002"} <= set(re.findall(r"DL\d+", done.stdout))


@pytest.mark.parametrize("name", NAMES)
def test_the_image_runs_as_nobody_in_particular_with_what_is_locked(name: str) -> None:
    kinds = [kind for kind, _ in steps(name)]
    assert kinds.count("FROM") == 2
    assert words(name, "FROM")[0].endswith(" AS build")
    assert words(name, "USER") == ["10001:10001"]
    assert kinds.index("USER") < kinds.index("ENTRYPOINT")
    assert ":latest" not in words(name, "ARG")[0]
    (healthcheck,) = words(name, "HEALTHCHECK")
    assert json.loads(healthcheck.partition("CMD ")[2]) == ["python", "-m", "tundish_deploy.probes"]
    installs = re.findall(r"pip install [^&;|]*", " ; ".join(words(name, "RUN")))
    lock = {"server": "image", "edge": "edge"}[name]
    assert installs[0].startswith("pip install --require-hashes")
    assert installs[0].strip().endswith(f"-r requirements/{lock}.txt")
    # The rest is this repository, and fetches nothing.
    assert all("--no-deps --no-build-isolation" in one for one in installs[1:])


@pytest.mark.parametrize("name", NAMES)
def test_what_the_image_says_is_what_the_code_knows(name: str, code: Code) -> None:
    told = [word for line in words(name, "ENV") for word in shlex.split(line)]
    variables = dict(word.split("=", 1) for word in told)
    assert code.unknown(variables) == []
    assert json.loads(words(name, "ENTRYPOINT")[0]) == ["tundish"]
    command = json.loads(words(name, "CMD")[0])
    assert code.command_error(command) in {None, ""} or command == ["--help"]
    port = str(Settings().server.port) if name == "server" else variables["TUNDISH_PROBE_PORT"]
    assert words(name, "EXPOSE") == [port]
    assert variables["TUNDISH_DATA_DIR"].startswith(words(name, "VOLUME")[0])
    assert not [key for key in variables if re.search(r"(KEY|TOKEN|PASSWORD|SECRET|URL)$", key)]


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_copied_is_sent_and_no_secret(name: str) -> None:
    ignored = (FOLDER / f"{name}.Dockerfile.dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {word for line in words(name, "COPY") if "--from" not in line for word in line.split()[:-1]}
    assert {one for one in copied if not (ROOT / one).exists()} == set()
    assert {Path(one).parts[0] if one.startswith("requirements") else one for one in copied} == sent
    # The last rule that fits decides, so these stand behind what is let in.
    assert ignored[-4:] == ["**/secrets", "**/*.key", "**/*.pem", "**/*.token"]


def locked(name: str) -> set[str]:
    return set(
        re.findall(
            r"^([a-z0-9.-]+)==", (ROOT / "requirements" / f"{name}.txt").read_text("utf-8"), re.MULTILINE
        )
    )


def test_the_locks_hold_what_the_images_need_and_agree() -> None:
    assert {"nats-py", "psycopg", "psycopg-binary", "dash", "scikit-learn"} <= locked("image")
    assert not {"dash", "flask", "scikit-learn", "sqlalchemy", "waitress"} & locked("edge")
    assert locked("edge") < locked("image")
    assert not {"pytest", "mypy", "helm-python-sdk"} & locked("image")


@pytest.mark.integration
def test_the_edges_python_is_built_as_its_file_says_and_needs_no_web_server(tmp_path: Path) -> None:
    """The build stage's own COPY and RUN, in a folder in place of the image."""
    source, prefix = tmp_path / "src", tmp_path / "opt"
    for kind, told in steps("edge"):
        if kind == "FROM" and "AS build" not in told:
            break
        if kind == "COPY":
            *parts, to = told.split()
            for part in parts:
                _copy(ROOT / part, source / to if len(parts) == 1 else source / Path(part).name)
        if kind == "RUN":
            command = re.sub(r"\bpython\b", sys.executable, told.replace("/opt/tundish", str(prefix)))
            source.mkdir(exist_ok=True)
            _run(command, source)
    python = prefix / "bin" / "python"
    asked = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    look = [python, "-c", asked, *WEB_AND_MODELS, "asyncua"]
    found = subprocess.run(look, capture_output=True, text=True, check=True, cwd=tmp_path, env=_plain())
    assert found.stdout.strip() == "['asyncua']"
    assert not (prefix / "bin" / "pip").exists()
    _works(prefix / "bin" / "tundish", tmp_path)


def _works(tundish: Path, folder: Path) -> None:
    """A gateway's commands, down to the first thing that is not there: an OPC UA server."""
    doctor = [tundish, "doctor", "opc.tcp://127.0.0.1:9", "--json"]
    answer = subprocess.run(
        doctor, cwd=folder, env=_plain(), capture_output=True, text=True, check=False, timeout=120
    )
    assert {one["check"]: one["ok"] for one in json.loads(answer.stdout)["findings"]}["name"] is True
    (folder / "token").write_text("x" * 40)
    (folder / "tundish.toml").write_text(
        'data_dir = "data"\n[server]\naddress = "https://127.0.0.1:9"\n[[connection]]\nname = "press-1"\n'
        'tenant = "steel"\nurl = "opc.tcp://127.0.0.1:9"\ntoken_file = "token"\n'
    )
    collect = [tundish, "part", "collect", "press-1"]
    with subprocess.Popen(collect, cwd=folder, env=_plain(), stderr=subprocess.PIPE, text=True) as process:
        said = ""
        for line in process.stderr or []:
            said += line
            if "127.0.0.1:9" in line or "Error" in line:
                break
        process.terminate()
    assert "Error:" not in said.replace("ConnectionRefusedError:", ""), said
    assert (folder / "data" / "edge" / "press-1").is_dir(), said


def _run(command: str, folder: Path) -> None:
    shell = ["bash", "-ec", command]
    done = subprocess.run(shell, cwd=folder, env=_plain(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(
            source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")
        )
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _plain() -> dict[str, str]:
    """Without this environment's folders on Python's path."""
    return {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
