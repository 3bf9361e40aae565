"""Refusals about apps that more than one group of routes knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.api.errors import Problem
from tundish_platform.marketplace import (
    MissingInputs,
    NotSubscribed,
    ParameterRefused,
    RunNotHeld,
    UnknownApp,
)

if TYPE_CHECKING:
    from flask import Blueprint, Response


def marketplace_faults(routes: Blueprint) -> None:
    """Have the whole API answer for apps that are not there, not subscribed to, or cannot work here."""
    routes.app_errorhandler(UnknownApp)(_unknown_app)
    routes.app_errorhandler(NotSubscribed)(_not_subscribed)
    routes.app_errorhandler(MissingInputs)(_missing_inputs)
    routes.app_errorhandler(ParameterRefused)(_parameter_refused)
    routes.app_errorhandler(RunNotHeld)(_run_claimed)


def _unknown_app(error: UnknownApp) -> Response:
    return Problem(
        404, f"No app {error.args[0]!s:.60} is in the catalogue. GET /catalogue lists those that are.",
        f"目录中没有应用 {error.args[0]!s:.60}。可通过 GET /catalogue 查询。", "unknown_app",
    ).response()  # fmt: skip


def _not_subscribed(error: NotSubscribed) -> Response:
    return Problem(
        404, f"There is no active subscription to {error!s:.60}. Subscribe first.",
        f"没有对 {error!s:.60} 的有效订阅。请先订阅。", "not_subscribed",
    ).response()  # fmt: skip


def _missing_inputs(error: MissingInputs) -> Response:
    keys = ", ".join(error.keys)
    return Problem(
        409, f"{error.app_id} needs inputs that no signal here serves: {keys}. Connect them and try again.",
        f"{error.app_id} 需要的输入 {keys} 在本企业没有对应信号。请先接入后再订阅。", "missing_inputs",
    ).response()  # fmt: skip


def _parameter_refused(error: ParameterRefused) -> Response:
    return Problem(
        422, f"{error}. Compare with the parameters in the catalogue.",
        f"参数无法使用 — {error}。请对照应用目录中的参数说明。", "parameter_refused",
    ).response()  # fmt: skip


def _run_claimed(_error: RunNotHeld) -> Response:
    return Problem(
        409, "Another process has this run, or has recorded it. Nothing need be done: ask again what is due.",
        "该次运行由其他进程执行或已被记录, 无需处理; 请重新查询到期的订阅。", "run_claimed",
    ).response()  # fmt: skip
