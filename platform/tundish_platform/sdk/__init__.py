"""What an app's author imports: inputs, outputs, screens, manifest; the conformance suite is in `testing`.

`Client` and `ApiError` are for programs that speak to the platform from outside.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tundish_platform.samples import SampleKind, SignalInfo, SignalRole
from tundish_platform.sdk.columns import OutputColumn, output_column
from tundish_platform.sdk.inputs import AppInputs, missing_inputs
from tundish_platform.sdk.manifest import (
    Manifest,
    ManifestError,
    Need,
    ParameterRefused,
    Plan,
    PlanKind,
    UnknownPlan,
    read_manifest,
)
from tundish_platform.sdk.records import RECORDS, RecordKind, RecordWish, record_table
from tundish_platform.sdk.screen import (
    AppOutputs,
    Cell,
    ChartBlock,
    Column,
    Document,
    OutputValue,
    Screen,
    Series,
    TableBlock,
    TextBlock,
    window_values,
)
from tundish_platform.sdk.texts import Texts

if TYPE_CHECKING:
    from tundish_platform.sdk.client import ApiError, Client

__all__ = [
    "RECORDS",
    "ApiError",
    "AppInputs",
    "AppOutputs",
    "Cell",
    "ChartBlock",
    "Client",
    "Column",
    "Document",
    "Manifest",
    "ManifestError",
    "Need",
    "OutputColumn",
    "OutputValue",
    "ParameterRefused",
    "Plan",
    "PlanKind",
    "RecordKind",
    "RecordWish",
    "SampleKind",
    "Screen",
    "Series",
    "SignalInfo",
    "SignalRole",
    "TableBlock",
    "TextBlock",
    "Texts",
    "UnknownPlan",
    "missing_inputs",
    "output_column",
    "read_manifest",
    "record_table",
    "window_values",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    """Load the client when it is asked for: apps in the sandbox have neither a network nor its library."""
    if name in {"ApiError", "Client"}:
        return getattr(import_module("tundish_platform.sdk.client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
