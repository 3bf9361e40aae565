"""The way in: what a collector sends is checked against the tenant's signals before any of it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow.compute as pc

from tundish_platform.api.errors import Problem
from tundish_platform.api.frames import refuse_compressed
from tundish_platform.assets import signal_kinds
from tundish_platform.samples import GAP_REASONS, SampleKind, decode_frames
from tundish_platform.store import Appended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.samples import SampleBatch
    from tundish_platform.tenancy import TenantScope

MAX_BODY: Final = 64 * 1024 * 1024

_NEVER_NULL = {"signal", "ts", "status", "end", "reason"}
_NAMED_IN_ERRORS = 20


def ingest(context: PlatformContext, scope: TenantScope, body: bytes) -> Appended:
    """Store the batches of a body, all or none; returns the number of rows.

    Args:
        context: the platform's parts.
        scope: with the permission to ingest.
        body: bytes of `encode_frames`.

    Raises:
        AccessDenied: the scope may not ingest.
        CodecError: the bytes are no batches.
        Problem: a row names a signal the tenant does not have or has with another kind, or is no sample.
    """
    refuse_compressed(body)
    batches = [batch for batch in decode_frames(body) if len(batch)]
    for batch in batches:
        _check_rows(batch)
    _check_signals(context, scope, batches)
    return context.telemetry.append(scope, batches) if batches else Appended(0)


def _check_rows(batch: SampleBatch) -> None:
    for name in _NEVER_NULL.intersection(batch.table.column_names):
        if batch.table[name].null_count:
            raise _refuse(f"column {name} of a {batch.kind} batch has nulls", f"{name} 列含有空值")
    if batch.kind is SampleKind.GAP:
        if pc.any(pc.less(batch.table["end"], batch.table["ts"])).as_py():
            raise _refuse("a gap ends before it starts", "缺口的结束早于开始")
        if unknown := set(pc.unique(batch.table["reason"]).to_pylist()) - GAP_REASONS:
            raise _refuse(f"unknown gap reason {min(unknown)[:60]!r}", "未知的缺口原因")


def _check_signals(context: PlatformContext, scope: TenantScope, batches: Sequence[SampleBatch]) -> None:
    used = [(batch.kind, pc.unique(batch.table["signal"]).to_pylist()) for batch in batches]
    with context.metadata.session() as session:
        kinds = signal_kinds(session, scope, sorted({number for _, numbers in used for number in numbers}))
    unknown = {number for _, numbers in used for number in numbers if number not in kinds}
    if unknown:
        listed = _listed(unknown)
        raise _refuse(f"no signals {listed}; declare them first", f"没有信号 {listed}, 请先声明")
    wrong = {n for kind, numbers in used for n in numbers if kind not in (SampleKind.GAP, kinds[n])}
    if wrong:
        listed = _listed(wrong)
        raise _refuse(f"signals {listed} have another kind", f"信号 {listed} 的数据类型不符")


def _listed(numbers: set[int]) -> str:
    shown = ", ".join(map(str, sorted(numbers)[:_NAMED_IN_ERRORS]))
    return shown + (" …" if len(numbers) > _NAMED_IN_ERRORS else "")


def _refuse(en: str, zh: str) -> Problem:
    return Problem(422, f"Nothing was stored: {en}.", f"未存储任何数据: {zh}。", "bad_batch")
