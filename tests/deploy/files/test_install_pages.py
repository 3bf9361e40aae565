"""The pages about installing: every command, file, setting and link that they name exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tundish_deploy.settings import Settings

if TYPE_CHECKING:
    from conftest import Code

ROOT = Path(__file__).parents[3]
PAGES = sorted(path.name for path in (ROOT / "docs" / "how-to").glob("install-*.md"))


def text_of(page: str) -> str:
    return (ROOT / "docs" / "how-to" / page).read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", text_of(page), re.MULTILINE | re.DOTALL)
    return [re.sub(r"^ +", "", block, flags=re.MULTILINE) for block in found]


def commands(page: str) -> list[list[str]]:
    return [shlex.split(line) for block in blocks(page, "console") for line in block.splitlines()]


def test_there_are_four() -> None:
    assert PAGES == [
        "install-cluster.md", "install-one-machine.md", "install-one-machine.zh.md", "install-server.md"
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_ours_is_one(page: str, code: Code) -> None:
    ours = [words[words.index("tundish") + 1 :] for words in commands(page) if "tundish" in words]
    ours = [words for words in ours if words and words[0] != "exec" and not words[0].startswith("-")]
    ours = [words for words in ours if "secret" not in words]
    assert len(ours) >= 1
    for words in ours:
        assert code.command_error(words) is None, words


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_and_setting_is_one(page: str, code: Code) -> None:
    text = text_of(page)
    assert code.unknown(dict.fromkeys(re.findall(r"\b(TUNDISH_[A-Z_]+)=", text))) == []
    known = {name.removeprefix("TUNDISH_").lower().replace("__", ".") for name in code.settings_names()}
    named = set(re.findall(r"`((?:server|people|store|worker|notices)\.[a-z_]+)`", text))
    files = {"worker.toml", "worker.token"}
    assert named - files <= known
    for block in blocks(page, "toml"):
        values = tomllib.loads(block)
        assert values.pop("metadata_url_file", "").startswith("/etc/tundish/")
        Settings.model_validate(values | {"server": values["server"]})


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_the_repository_and_every_link_is_there(page: str) -> None:
    text = text_of(page)
    for path in re.findall(r"(?<![\w/])(deploy/[\w./-]*\w|requirements/\w+\.txt|tests/[\w./-]*\w)", text):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (ROOT / "docs" / "how-to" / link).exists(), link


def test_both_languages_give_the_same_commands() -> None:
    def plain(page: str) -> list[list[str]]:
        return [[word for word in words if word not in {"--language", "en"}] for words in commands(page)]

    assert plain("install-one-machine.zh.md") == plain("install-one-machine.md")
