"""What an app handed back, as text on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

from tundish_platform.sdk import ChartBlock, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.sdk import AppOutputs, Cell, Manifest

Language = Literal["zh", "en"]

_SHOWN: Final = 20


def output_lines(manifest: Manifest, outputs: AppOutputs, language: Language) -> Iterator[str]:
    """Values, then the screen from top to bottom."""
    if outputs.missing:
        yield f"missing: {', '.join(outputs.missing)}"
    names = {output.key: output for output in manifest.outputs}
    for key, column in outputs.told().items():
        if len(column) > _SHOWN:
            yield f"{key}: {len(column)} values, the last of them"
        last = (part.slice(max(0, len(column) - _SHOWN)).to_pylist() for part in (column.ts, column.value))
        for ts, value in zip(*last, strict=True):
            yield f"{ts.isoformat()}  {key} = {_cell(value, language)} {names[key].unit}".rstrip()
    for block in outputs.screen.blocks:
        yield from _block(block, language)


def output_json(outputs: AppOutputs) -> str:
    """All of it as one JSON object; columns as lists of times and values."""
    columns = [
        {
            "output": column.output, "ts": [ts.isoformat() for ts in column.ts.to_pylist()],
            "value": column.value.to_pylist(),
        }
        for column in outputs.columns
    ]  # fmt: skip
    return json.dumps(outputs.model_dump(mode="json") | {"columns": columns}, ensure_ascii=False)


def _block(block: TextBlock | TableBlock | ChartBlock, language: Language) -> Iterator[str]:
    if isinstance(block, TextBlock):
        yield f"{'! ' if block.level == 'warning' else ''}{_said(block.text, language)}"
        return
    yield f"-- {_said(block.title, language)}"
    if isinstance(block, TableBlock):
        yield "\t".join(_said(column.name, language) for column in block.columns)
        for row in block.rows:
            yield "\t".join(_cell(cell, language) for cell in row)
        return
    for series in block.series:
        yield f"{_said(series.name, language)}: {len(series.y)} points"


def _cell(cell: Cell, language: Language) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, Texts):
        return _said(cell, language)
    return f"{cell:g}" if isinstance(cell, float) else str(cell)


def _said(texts: Texts, language: Language) -> str:
    return texts.zh if language == "zh" else texts.en
