"""The model registry: versions with their cards, who decided what, how they fare. No model bytes."""

from tundish_platform.model_registry.deciding import decide
from tundish_platform.model_registry.reading import (
    MAX_PAGE,
    MAX_ROLES,
    UnknownModel,
    find_model,
    list_decisions,
    list_models,
    list_reports,
    list_roles,
)
from tundish_platform.model_registry.registering import (
    MAX_REPORTS,
    MAX_VERSIONS,
    OtherDigest,
    TooManyVersions,
    register_version,
    report_on,
)
from tundish_platform.model_registry.specs import (
    Card,
    DecisionInfo,
    DecisionSpec,
    Level,
    ModelDetail,
    ModelInfo,
    ModelRoles,
    ReportInfo,
    ReportKind,
    ReportSpec,
    VersionSpec,
)
from tundish_platform.model_registry.states import Decision, DecisionRefused, State, Step

__all__ = [
    "MAX_PAGE",
    "MAX_REPORTS",
    "MAX_ROLES",
    "MAX_VERSIONS",
    "Card",
    "Decision",
    "DecisionInfo",
    "DecisionRefused",
    "DecisionSpec",
    "Level",
    "ModelDetail",
    "ModelInfo",
    "ModelRoles",
    "OtherDigest",
    "ReportInfo",
    "ReportKind",
    "ReportSpec",
    "State",
    "Step",
    "TooManyVersions",
    "UnknownModel",
    "VersionSpec",
    "decide",
    "find_model",
    "list_decisions",
    "list_models",
    "list_reports",
    "list_roles",
    "register_version",
    "report_on",
]
