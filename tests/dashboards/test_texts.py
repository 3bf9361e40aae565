from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

import tundish_dashboards.app
from tundish_dashboards.i18n import Language, language_of, texts
from tundish_platform.marketplace import Outcome
from tundish_platform.marketplace.search import Order
from tundish_platform.samples import GAP_REASONS
from tundish_platform.sdk import Need
from tundish_platform.sdk.fit import Why

PACKAGE = Path(tundish_dashboards.app.__file__).parent
ZH, EN = texts(Language.ZH).entries, texts(Language.EN).entries


def _places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def _keys_in_code() -> tuple[set[str], set[str]]:
    """Keys written out, and patterns of keys put together with an f-string."""
    literal, patterns = set(), set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ZH:
                literal.add(node.value)
            if isinstance(node, ast.Call) and _is_t(node.func) and node.args:
                key = node.args[0]
                if isinstance(key, ast.Constant):
                    literal.add(str(key.value))
                elif isinstance(key, ast.JoinedStr):
                    patterns.add(_pattern(key))
    for template in (PACKAGE / "templates").glob("*.html"):
        literal |= set(re.findall(r'(?:t|other)\("([\w.]+)"[,)]', template.read_text(encoding="utf-8")))
    return literal, patterns


def _is_t(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == "maybe":
        return True
    return name in {"t", "_t"}


def _pattern(key: ast.JoinedStr) -> str:
    return "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[\w. ]+" for part in key.values
    )


def test_both_languages_have_the_same_keys() -> None:
    assert set(ZH) == set(EN)


@pytest.mark.parametrize("key", sorted(ZH))
def test_both_languages_fill_the_same_places(key: str) -> None:
    assert _places(ZH[key]) == _places(EN[key])
    assert ZH[key].strip()
    assert EN[key].strip()


def test_every_key_in_the_code_exists() -> None:
    literal, patterns = _keys_in_code()
    assert literal - set(ZH) == set()
    assert [p for p in patterns if not any(re.fullmatch(p, key) for key in ZH)] == []


def test_no_key_is_left_over() -> None:
    literal, patterns = _keys_in_code()
    # Keys of table heads are put together from a tuple of names beside the call.
    assert [k for k in ZH if k not in literal and not any(re.fullmatch(p, k) for p in patterns)] == []


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("gap", GAP_REASONS),
        ("outcome", set(Outcome)),
        ("need", set(Need)),
        ("match_obstacle", set(Why)),
        ("market_order", set(Order)),
    ],
)
def test_every_word_of_the_platform_has_a_text(prefix: str, words: set[str]) -> None:
    assert {f"{prefix}.{word}" for word in words} <= set(ZH)


def test_english_has_no_chinese_but_the_switch() -> None:
    chinese = {key for key, words in EN.items() if re.search(r"[\u3000-\u9fff]", words)}
    # The mark of a simulated city is in both languages wherever it stands.
    assert chinese == {"language.other_name", "shell.simulated"}


def test_chinese_sentences_are_chinese() -> None:
    plain = {key for key, words in ZH.items() if not re.search(r"[\u4e00-\u9fff]", words)}
    assert plain == {
        "language.other_name",
        "plant.of_all",
        "plant.count",
        "market.shelf",
        "match.join",
        "records.by",
    }


def test_unknown_language_is_chinese() -> None:
    assert language_of("fr") is Language.ZH
    assert language_of("en") is Language.EN
