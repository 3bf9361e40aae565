"""Only what this installation signed is loaded; the rest is refused by name until a person signs it."""

from __future__ import annotations

import json
import shutil
import stat
from typing import TYPE_CHECKING, Any

import pytest
import skops.io
from typer.testing import CliRunner

from tundish_analytics.models.registry import ModelCard, Registry, RegistryError, digest_of
from tundish_analytics.models.resign import sign_version, stored_versions
from tundish_deploy.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINE, MODEL = "SY/Shop/CYL1", "hydraulic-condition"


def card(version: str) -> ModelCard:
    return ModelCard(
        MODEL, LINE, "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00", 10, ("a",), "方法", "protocol",
        {"macro_f1": 0.9}, "局限", "limits", version,
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A registry with two versions of one model; the second is the current one."""
    registry = Registry(tmp_path / "models")
    for version in ("v1", "v2"):
        registry.store("t", card(version), {"version": version})
    return tmp_path / "models"


def folder(root: Path, version: str = "v2") -> Path:
    return root / "t" / "SY_Shop_CYL1" / MODEL / version


def loaded(root: Path, version: str | None = None) -> str:
    found = Registry(root).load("t", LINE, MODEL, version)
    assert found is not None
    return str(found[1]["version"])


def rewrite(file: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    file.write_text(json.dumps(change(json.loads(file.read_bytes()))))


def test_the_key_is_made_once_beside_the_folder_and_only_its_owner_reads_it(root: Path) -> None:
    key = root.with_name("models.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert (loaded(root), loaded(root, "v1")) == ("v2", "v1")
    assert key.read_bytes() == before
    assert not [part for part in root.rglob("*") if "key" in part.name]


def other_bytes(root: Path) -> None:
    """The model exchanged, the digests in card and signature file made to fit."""
    data = skops.io.dumps({"version": "forged"})
    (folder(root) / "model.skops").write_bytes(data)
    rewrite(folder(root) / "card.json", lambda found: found | {"sha256": digest_of(data)})
    fitting = {"file": digest_of(data), "card": digest_of((folder(root) / "card.json").read_bytes())}
    rewrite(folder(root) / "signature.json", lambda found: found | fitting)


def other_card(root: Path) -> None:
    rewrite(folder(root) / "card.json", lambda found: found | {"metrics": {"macro_f1": 1.0}})
    fitting = {"card": digest_of((folder(root) / "card.json").read_bytes())}
    rewrite(folder(root) / "signature.json", lambda found: found | fitting)


def other_index(root: Path) -> None:
    rewrite(folder(root).parent / "current.json", lambda found: found | {"version": "v1"})


def other_signature(root: Path) -> None:
    rewrite(folder(root) / "signature.json", lambda found: found | {"signature": "00" * 64})


def no_hexadecimal(root: Path) -> None:
    rewrite(folder(root) / "signature.json", lambda found: found | {"signature": "zz"})


def other_digits(root: Path) -> None:
    """The same number, written in another way."""
    rewrite(folder(root) / "signature.json", lambda found: found | {"signature": found["signature"].upper()})


def more_words(root: Path) -> None:
    rewrite(folder(root) / "signature.json", lambda found: found | {"note": "approved"})


def other_names(root: Path) -> None:
    """A part of the statement under another name."""
    rewrite(
        folder(root) / "signature.json",
        lambda found: {("lime" if name == "line" else name): one for name, one in found.items()},
    )


@pytest.mark.parametrize(
    "tamper",
    [
        other_bytes, other_card, other_index, other_signature, no_hexadecimal, other_digits, more_words,
        other_names,
    ],
)  # fmt: skip
def test_what_was_changed_is_refused_before_it_is_interpreted(
    root: Path, monkeypatch: pytest.MonkeyPatch, tamper: Callable[[Path], None]
) -> None:
    tamper(root)
    monkeypatch.setattr("tundish_analytics.models.registry.skops.io.loads", pytest.fail)
    monkeypatch.setattr("tundish_analytics.models.registry.skops.io.get_untrusted_types", pytest.fail)
    with pytest.raises(RegistryError, match="was changed since it was signed"):
        loaded(root)


def test_a_signature_serves_no_other_tenant_line_or_version(root: Path) -> None:
    for elsewhere in (root / "u" / "SY_Shop_CYL1" / MODEL, root / "t" / "SY_Shop_CYL2" / MODEL):
        shutil.copytree(folder(root).parent, elsewhere)
    shutil.copytree(folder(root, "v1"), folder(root, "v3"))
    registry = Registry(root)
    for tenant, line, version in (("u", LINE, "v2"), ("t", "SY/Shop/CYL2", "v2"), ("t", LINE, "v3")):
        with pytest.raises(RegistryError, match="was changed since it was signed"):
            registry.load(tenant, line, MODEL, version)
        with pytest.raises(RegistryError):
            registry.choose(tenant, line, MODEL, version)
    with pytest.raises(RegistryError, match="was changed since it was signed"):
        registry.current("u", LINE, MODEL)


def test_a_model_signed_elsewhere_is_refused_with_both_keys_names(root: Path, tmp_path: Path) -> None:
    theirs = Registry(root).signer.name
    ours = Registry(root, tmp_path / "other.key")
    with pytest.raises(RegistryError, match=f"signed with the key '{theirs}'.*{ours.signer.name}"):
        ours.load("t", LINE, MODEL)
    assert all(theirs in found.refused for found in stored_versions(ours))
    assert loaded(root) == "v2"


def unsign(root: Path) -> None:
    """The folder as it was before models were signed."""
    for version in ("v1", "v2"):
        (folder(root, version) / "signature.json").unlink()
    document = digest_of((folder(root) / "card.json").read_bytes())
    (folder(root).parent / "current.json").write_text(json.dumps({"version": "v2", "card": document}))


def test_models_from_before_signatures_are_loaded_only_after_a_person_signed_them(root: Path) -> None:
    unsign(root)
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"is unsigned.*tundish models sign"):
            loaded(root)
    sign_version(Registry(root), "t", LINE, MODEL, "v2")
    assert loaded(root) == "v2"
    with pytest.raises(RegistryError, match="is unsigned"):
        loaded(root, "v1")
    sign_version(Registry(root), "t", LINE, MODEL, "v1")
    assert (loaded(root), loaded(root, "v1")) == ("v2", "v1")


def test_what_does_not_belong_together_is_not_signed(root: Path) -> None:
    unsign(root)
    shutil.copy(folder(root, "v1") / "model.skops", folder(root) / "model.skops")
    with pytest.raises(RegistryError, match="not that of this model"):
        sign_version(Registry(root), "t", LINE, MODEL, "v2")
    (folder(root) / "card.json").write_text("[]")
    with pytest.raises(RegistryError, match="unreadable"):
        sign_version(Registry(root), "t", LINE, MODEL, "v2")


def test_the_command_shows_what_is_refused_and_signs_what_is_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNDISH_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    unsign(root)
    shown = CliRunner().invoke(app, ["models", "check", "--json"])
    assert shown.exit_code == 1
    refused = json.loads(shown.stdout)["versions"]
    assert {(found["line"], found["version"]) for found in refused} == {(LINE, "v1"), (LINE, "v2")}
    assert all("unsigned" in found["refused"] for found in refused)
    for version in ("v2", "v1"):
        assert CliRunner().invoke(app, ["models", "sign", "t", LINE, MODEL, version]).exit_code == 0
    shown = CliRunner().invoke(app, ["models", "check"])
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [f"t {LINE} {MODEL} {version}: ours" for version in ("v1", "v2")]
    assert CliRunner().invoke(app, ["models", "sign", "t", LINE, MODEL, "v9"]).exit_code == 1
