"""Entry point: passports of the newest finished pieces, one trace, one recall list."""

from __future__ import annotations

from typing import Final

from tundish_app_product_passport.genealogy import Genealogy, Key, genealogy, key_of
from tundish_app_product_passport.passport import passport
from tundish_app_product_passport.screen import nothing_declared, screen
from tundish_platform.sdk import AppInputs, AppOutputs, Document, RecordKind, window_values

PASSPORTS: Final = 20


def run(inputs: AppInputs) -> AppOutputs:
    """Make passports of what was finished last, and of the product that was asked for."""
    if missing := inputs.missing():
        return AppOutputs(missing=missing)
    tree = genealogy(inputs.rows(RecordKind.PRODUCT_EVENTS))
    if not tree.products:
        return AppOutputs(screen=nothing_declared())
    finished = tree.finished()
    traced = _traced(inputs, tree, finished)
    suspect = str(inputs.parameters.get("suspect", ""))
    recalled = tree.recall(key_of(suspect)) if suspect else []
    wanted = list(dict.fromkeys(([traced] if traced else []) + finished))[:PASSPORTS]
    documents = tuple(
        Document(key="passport", subject="/".join(key), content=passport(tree, key)) for key in wanted
    )
    values: dict[str, float | str | None] = {
        "products": float(len(tree.products)),
        "passports": float(len(documents)),
        "untraced": float(sum(not tree.sources.get(key) for key in finished)),
        "recalled": float(len(recalled)) if suspect else None,
    }
    shown = screen(tree, traced, suspect, recalled)
    return AppOutputs(values=window_values(values, inputs.end), screen=shown, documents=documents)


def _traced(inputs: AppInputs, tree: Genealogy, finished: list[Key]) -> Key | None:
    """The product asked for, if it is known; else the newest finished piece."""
    asked = str(inputs.parameters.get("product", ""))
    if asked:
        return key_of(asked) if key_of(asked) in tree.products else None
    return finished[0] if finished else None
