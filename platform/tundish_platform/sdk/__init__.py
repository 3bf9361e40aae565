"""What an app's author imports: inputs, outputs, screens, manifest; the conformance suite is in `testing`."""

from tundish_platform.samples import SampleKind, SignalInfo, SignalRole
from tundish_platform.sdk.inputs import AppInputs, missing_inputs
from tundish_platform.sdk.manifest import Manifest, ManifestError, Need, ParameterRefused, read_manifest
from tundish_platform.sdk.screen import (
    AppOutputs,
    Cell,
    ChartBlock,
    Column,
    OutputValue,
    Screen,
    Series,
    TableBlock,
    TextBlock,
    window_values,
)
from tundish_platform.sdk.texts import Texts

__all__ = [
    "AppInputs",
    "AppOutputs",
    "Cell",
    "ChartBlock",
    "Column",
    "Manifest",
    "ManifestError",
    "Need",
    "OutputValue",
    "ParameterRefused",
    "SampleKind",
    "Screen",
    "Series",
    "SignalInfo",
    "SignalRole",
    "TableBlock",
    "TextBlock",
    "Texts",
    "missing_inputs",
    "read_manifest",
    "window_values",
]
