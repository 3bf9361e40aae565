"""Names of the OPC UA status codes that samples carry (OPC 10000-4, 7.39; 10000-8, 6.3; 10000-13)."""

from __future__ import annotations

from typing import Final

from tundish_platform.samples import severity

_SEVERITIES: Final = ("Good", "Uncertain", "Bad")

# The upper 16 bits of a code; the lower ones are details of the same condition.
_NAMES: Final[dict[int, str]] = {
    0x002F: "GoodOverload",
    0x0030: "GoodClamped",
    0x0096: "GoodLocalOverride",
    0x00A2: "GoodEntryInserted",
    0x00A3: "GoodEntryReplaced",
    0x00A5: "GoodNoData",
    0x00A6: "GoodMoreData",
    0x00DC: "GoodEdited",
    0x00E0: "GoodDependentValueChanged",
    0x00EB: "GoodSubNormal",
    0x408F: "UncertainNoCommunicationLastUsableValue",
    0x4090: "UncertainLastUsableValue",
    0x4091: "UncertainSubstituteValue",
    0x4092: "UncertainInitialValue",
    0x4093: "UncertainSensorNotAccurate",
    0x4094: "UncertainEngineeringUnitsExceeded",
    0x4095: "UncertainSubNormal",
    0x40A4: "UncertainDataSubNormal",
    0x40DE: "UncertainDominantValueChanged",
    0x40E2: "UncertainDependentValueChanged",
    0x40F2: "UncertainOverRange",
    0x40F3: "UncertainUnderRange",
    0x4208: "UncertainTransducerInManual",
    0x4209: "UncertainSimulatedValue",
    0x420A: "UncertainSensorCalibration",
    0x420F: "UncertainConfigurationError",
    0x8001: "BadUnexpectedError",
    0x8002: "BadInternalError",
    0x8005: "BadCommunicationError",
    0x800A: "BadTimeout",
    0x800C: "BadShutdown",
    0x800D: "BadServerNotConnected",
    0x801F: "BadUserAccessDenied",
    0x8031: "BadNoCommunication",
    0x8032: "BadWaitingForInitialData",
    0x8034: "BadNodeIdUnknown",
    0x803A: "BadNotReadable",
    0x803C: "BadOutOfRange",
    0x803D: "BadNotSupported",
    0x803E: "BadNotFound",
    0x8074: "BadTypeMismatch",
    0x8089: "BadConfigurationError",
    0x808A: "BadNotConnected",
    0x808B: "BadDeviceFailure",
    0x808C: "BadSensorFailure",
    0x808D: "BadOutOfService",
    0x809B: "BadNoData",
    0x809D: "BadDataLost",
    0x809E: "BadDataUnavailable",
    0x80E1: "BadDominantValueChanged",
    0x80E3: "BadDependentValueChanged",
    0x80F0: "BadNoValue",
    0x8112: "BadNumericOverflow",
}

STATUS_NAMES: Final = (*_SEVERITIES, *_NAMES.values())
"""All names there are."""


def status_name(status: int) -> str:
    """The condition's name, or its severity's where it has none here."""
    return _NAMES.get(status >> 16) or _SEVERITIES[severity(status)]
