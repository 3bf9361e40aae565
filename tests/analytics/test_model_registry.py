"""What the registry stores it finds again, and nothing that anyone changed."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import Ridge

from tundish_analytics.models.card import card_page
from tundish_analytics.models.registry import ModelCard, Registry, RegistryError

if TYPE_CHECKING:
    from pathlib import Path

LINE = "SY/Shop/CYL1"


def card(version: str = "v1") -> ModelCard:
    return ModelCard(
        model="hydraulic-condition",
        line=LINE,
        trained_from="2026-01-01T00:00:00+00:00",
        trained_to="2026-01-02T00:00:00+00:00",
        cases=10,
        features=("a", "b"),
        protocol_zh="方法",
        protocol_en="protocol",
        metrics={"macro_f1": 0.9},
        limits_zh="局限",
        limits_en="limits",
        version=version,
    )


def folder(root: Path, version: str = "v1") -> Path:
    return root / "t" / "SY_Shop_CYL1" / "hydraulic-condition" / version


def test_the_current_version_comes_back_whole(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    assert registry.load("t", LINE, "hydraulic-condition") is None
    model = Ridge().fit(np.eye(3), [1.0, 2.0, 3.0])
    registry.store("t", card("v1"), {"ridge": model, "half": 1.0})
    stored = registry.store("t", card("v2"), {"ridge": model, "half": 2.0, "name": None})
    loaded = registry.load("t", LINE, "hydraulic-condition")
    assert loaded is not None
    found, state = loaded
    assert found == stored
    assert len(found.sha256) == 64
    assert state["half"] == 2.0
    assert np.array_equal(state["ridge"].coef_, model.coef_)
    assert registry.versions("t", LINE, "hydraulic-condition") == ["v1", "v2"]
    assert registry.load("other", LINE, "hydraulic-condition") is None


@pytest.mark.parametrize("name", ["model.skops", "card.json"])
def test_a_changed_file_is_refused(tmp_path: Path, name: str) -> None:
    registry = Registry(tmp_path)
    registry.store("t", card(), {"half": 1.0})
    place = folder(tmp_path) / name
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(data)
    with pytest.raises(RegistryError, match=f"{name} was changed since it was stored"):
        registry.load("t", LINE, "hydraulic-condition")
    place.unlink()
    with pytest.raises(RegistryError, match="incomplete"):
        registry.load("t", LINE, "hydraulic-condition")


class Foreign:
    """A type that no model here is made of."""


def test_types_outside_the_list_are_refused_even_under_our_own_signature(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(RegistryError, match="Foreign"):
        registry.store("t", card(), {"thing": Foreign()})
    stored = registry.store("t", card("v2"), {"half": 1.0})
    data = skops.io.dumps({"thing": Foreign()})
    document = forge(tmp_path, stored, data)
    registry.sign(registry.place("t", LINE, "hydraulic-condition"), "v2", document, data)
    with pytest.raises(RegistryError, match="Foreign"):
        registry.load("t", LINE, "hydraulic-condition")


class Bomb:
    """Runs code when unpickled."""

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return (pytest.fail, ("a pickle was executed",))


def test_a_pickle_is_never_executed_not_even_under_our_own_signature(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    stored = registry.store("t", card("v2"), {"half": 1.0})
    data = pickle.dumps(Bomb())
    document = forge(tmp_path, stored, data)
    registry.sign(registry.place("t", LINE, "hydraulic-condition"), "v2", document, data)
    with pytest.raises(RegistryError, match="no model file"):
        registry.load("t", LINE, "hydraulic-condition")


def forge(root: Path, stored: ModelCard, data: bytes) -> bytes:
    """Put other bytes in the model's place with a card made to fit; returns the card."""
    place = folder(root, stored.version)
    (place / "model.skops").write_bytes(data)
    fields = json.loads((place / "card.json").read_bytes())
    document = json.dumps(fields | {"sha256": hashlib.sha256(data).hexdigest()}).encode()
    (place / "card.json").write_bytes(document)
    return document


@pytest.mark.parametrize("name", ["../up", "", "a b", ".hidden"])
def test_names_cannot_leave_the_root(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryError, match="cannot name a folder"):
        Registry(tmp_path).load(name, LINE, "hydraulic-condition")


def test_the_card_reads_in_both_languages() -> None:
    for language, words in (("zh", ("模型卡", "局限", "方法")), ("en", ("Model card", "limits", "protocol"))):
        page = card_page(card(), language)
        assert all(word in page for word in words)
        assert "0.9" in page
