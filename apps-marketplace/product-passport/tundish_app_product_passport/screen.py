"""The screen: the trace of one product both ways, and the recall list of a suspect lot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.sdk import Cell, Column, Screen, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tundish_app_product_passport.genealogy import Genealogy, Key

_ROWS: Final = 200
_KINDS: Final = {
    "order": Texts(zh="订单", en="order"),
    "lot": Texts(zh="批次", en="lot"),
    "piece": Texts(zh="单件", en="piece"),
}
_HEADS: Final = (("步数", "steps"), ("产品", "product"), ("类别", "kind"), ("材料", "material"))


def nothing_declared() -> Screen:
    """What is shown before any product was declared."""
    return Screen(
        blocks=(
            _said("还没有声明产品,无法生成护照。", "No product was declared yet, so there is no passport."),
        )
    )


def screen(tree: Genealogy, traced: Key | None, suspect: str, recalled: Sequence[Key]) -> Screen:
    """Trace and recall list."""
    blocks: list[TextBlock | TableBlock] = []
    if traced is None:
        blocks.append(_said("没有找到要追溯的产品。", "The product to trace is not known."))
    else:
        name = "/".join(traced)
        blocks += [
            _trace(tree, f"{name} 的来源", f"What went into {name}", tree.before(traced)),
            _trace(tree, f"由 {name} 制成", f"What was made of {name}", tree.after(traced)),
        ]
    if suspect:
        blocks += _recall(tree, suspect, recalled)
    return Screen(blocks=tuple(blocks))


def _recall(tree: Genealogy, suspect: str, recalled: Sequence[Key]) -> list[TextBlock | TableBlock]:
    rows = [(("/".join(key)), _material(tree, key)) for key in recalled[:_ROWS]]
    said = _said(
        f"{suspect} 涉及 {len(recalled)} 件产成品。", f"{suspect} went into {len(recalled)} finished pieces."
    )
    heads = (("产品", "product"), ("材料", "material"))
    return [said, _table(f"召回清单:{suspect}", f"Recall list of {suspect}", heads, rows)]


def _trace(tree: Genealogy, zh: str, en: str, steps: Mapping[Key, int]) -> TableBlock:
    ranked = sorted(steps, key=lambda key: (steps[key], key))[:_ROWS]
    rows = [(float(steps[k]), "/".join(k), _kind(tree, k), _material(tree, k)) for k in ranked]
    return _table(zh, en, _HEADS, rows)


def _kind(tree: Genealogy, key: Key) -> Cell:
    return _KINDS.get(str(tree.products.get(key, {}).get("kind")))


def _material(tree: Genealogy, key: Key) -> Cell:
    found = tree.products.get(key, {}).get("material")
    return str(found) if found else None


def _table(
    zh: str, en: str, heads: tuple[tuple[str, str], ...], rows: Sequence[tuple[Cell, ...]]
) -> TableBlock:
    columns = tuple(Column(name=Texts(zh=one, en=other)) for one, other in heads)
    return TableBlock(title=Texts(zh=zh, en=en), columns=columns, rows=tuple(rows))


def _said(zh: str, en: str) -> TextBlock:
    return TextBlock(text=Texts(zh=zh, en=en))
