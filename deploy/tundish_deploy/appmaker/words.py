"""What an app handed back, as text on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tundish_platform.sdk import ChartBlock, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.sdk import AppOutputs, Cell, Manifest

Language = Literal["zh", "en"]


def output_lines(manifest: Manifest, outputs: AppOutputs, language: Language) -> Iterator[str]:
    """Values, then the screen from top to bottom."""
    if outputs.missing:
        yield f"missing: {', '.join(outputs.missing)}"
    names = {output.key: output for output in manifest.outputs}
    for value in outputs.values:
        declared = names[value.output]
        shown = _cell(value.value, language)
        yield f"{value.ts.isoformat()}  {value.output} = {shown} {declared.unit}".rstrip()
    for block in outputs.screen.blocks:
        yield from _block(block, language)


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
