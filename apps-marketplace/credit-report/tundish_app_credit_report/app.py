"""Entry point: compute the report and hand it over to be sealed; nothing where there is too little to say."""

from __future__ import annotations

from typing import Any

from tundish_app_credit_report.operation import electricity, operation
from tundish_app_credit_report.report import report
from tundish_app_credit_report.screen import screen, too_little
from tundish_platform.sdk import AppInputs, AppOutputs, Document, RecordKind, window_values


def run(inputs: AppInputs) -> AppOutputs:
    """Make this month's report."""
    if missing := inputs.missing():
        return AppOutputs(missing=missing)
    found = operation(inputs.rows(RecordKind.PRODUCT_EVENTS), inputs.end)
    made = report(found, electricity(inputs))
    if made is None:
        values: dict[str, float | str | None] = {"months": float(len(found.months))}
        return AppOutputs(values=window_values(values, inputs.end), screen=too_little(len(found.months)))
    return AppOutputs(
        values=window_values(_values(made), inputs.end),
        screen=screen(made),
        documents=(Document(key="report", content=made),),
    )


def _values(made: dict[str, Any]) -> dict[str, float | str | None]:
    return {
        "months": float(made["coverage"]["months"]),
        "trend": made["output_trend_percent_a_month"],
        "stability": made["output_stability"],
        "coverage": made["coverage"]["months_with_data"],
    }
