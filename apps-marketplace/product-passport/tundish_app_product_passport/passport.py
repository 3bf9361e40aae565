"""A passport: public fields of a product and of all that went into it, each entry chained to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.canonical import chained

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_app_product_passport.genealogy import Genealogy, Key


def passport(tree: Genealogy, product: Key) -> dict[str, Any]:
    """``{"product", "entries", "head"}``: sources before what was made of them, the product itself last."""
    steps = {product: 0, **tree.before(product)}
    entries = []
    for key in sorted(steps, key=lambda key: (-steps[key], key)):
        entries.append(_declared(tree, key))
        entries += [
            {"event": "made_from", "product": "/".join(key), "from": "/".join(source), "at": _text(at)}
            for source, at in sorted(tree.sources.get(key, {}).items())
        ]
    done = chained(entries)
    return {"product": "/".join(product), "entries": done, "head": done[-1]["hash"]}


def _declared(tree: Genealogy, key: Key) -> dict[str, Any]:
    row = tree.products.get(key)
    said = {"event": "declared", "product": "/".join(key)}
    if row is None:
        # An origin that is older than what was read: its number is known, nothing more is claimed.
        return {**said, "known": False}
    return {**said, "kind": row["kind"], "material": row["material"], "at": _text(row["at"])}


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
