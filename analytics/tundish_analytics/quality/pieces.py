"""Process values of each piece as they were known when its quality was judged: genealogy and time joined."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from tundish_platform.samples import GOOD, SampleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pyarrow as pa

    from tundish_platform.sdk.client import Client

STATISTICS: Final[dict[str, Callable[[pd.Series], float]]] = {
    "mean": lambda values: float(values.mean()),
    "lowest": lambda values: float(values.min()),
    "highest": lambda values: float(values.max()),
    "deviation": lambda values: float(values.std(ddof=0)),
}


@dataclass(frozen=True, slots=True)
class PieceTable:
    """One row a piece.

    Attributes:
        values: index: id of the product; columns ``series | signal path | statistic``, NaN where nothing was
            measured.
        left_out: pieces without one sample before their moment.
    """

    values: pd.DataFrame
    left_out: tuple[int, ...]


def piece_table(
    client: Client,
    tenant: str,
    judged_at: Mapping[int, datetime],
    *,
    signals: Iterable[int] | None = None,
    depth: int = 5,
) -> PieceTable:
    """What was measured while a piece, and what it was made from, was on the equipment.

    Windows come from where each product was (`Client.product_windows`); what went into the piece counts with
    its own windows, under the name of its series. Samples at or after the piece's moment, and windows that
    begin after it, are not read: what happened later cannot have been known.

    Args:
        client: with the right to read.
        tenant: its short name.
        judged_at: when the quality of each piece was judged, by id of the product.
        signals: only these; all numeric ones by default.
        depth: steps back in the genealogy.
    """
    wanted = None if signals is None else set(signals)
    paths = {signal.id: signal.path for signal in client.signals(tenant) if signal.kind is SampleKind.NUMERIC}
    chosen = set(paths) if wanted is None else wanted & set(paths)
    rows: dict[int, dict[str, float]] = {}
    for piece, moment in judged_at.items():
        values: dict[str, float] = {}
        for series, products in _origins(client, tenant, piece, depth).items():
            samples = _samples(client, tenant, products, chosen, moment)
            for signal in samples["signal"].unique().tolist():
                part = samples[samples["signal"] == signal]
                name = f"{series} | {paths[signal]}"
                values |= {f"{name} | {word}": of(part["value"]) for word, of in STATISTICS.items()}
        if values:
            rows[piece] = values
    table = pd.DataFrame.from_dict(rows, orient="index").sort_index(axis=1)
    return PieceTable(table, tuple(piece for piece in judged_at if piece not in rows))


def _origins(client: Client, tenant: str, piece: int, depth: int) -> dict[str, list[int]]:
    """The piece and all it was made from, by series."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    found[client.product(tenant, piece)["series"]].append(piece)
    for product in client.ancestors(tenant, piece, depth):
        found[product["series"]].append(product["id"])
    return found


def _samples(
    client: Client, tenant: str, products: Iterable[int], signals: set[int], moment: datetime
) -> pd.DataFrame:
    """Good samples before a moment: ``signal, ts, value``; one that lies in several windows counts once."""
    parts = [
        _before(table, moment)
        for product in products
        for window, table in client.product_samples(tenant, product, signals)
        if _instant(window["start"]) < moment
    ]
    empty = pd.DataFrame({"signal": np.empty(0, np.int64), "ts": [], "value": []})
    return pd.concat([empty, *parts]).drop_duplicates(["signal", "ts"]) if parts else empty


def _before(table: pa.Table, moment: datetime) -> pd.DataFrame:
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in ("signal", "value", "status")}
    columns["ts"] = table["ts"].cast("int64").to_numpy()
    frame = pd.DataFrame(columns)
    limit = int(moment.astimezone(UTC).timestamp() * 1_000_000)
    good = (frame["status"] == GOOD) & (frame["ts"] < limit) & np.isfinite(frame["value"])
    kept: pd.DataFrame = frame.loc[good, ["signal", "ts", "value"]]
    return kept


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
