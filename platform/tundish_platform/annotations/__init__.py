"""Notes that people put on a stretch of time at a place of the plant, shown on every chart of it."""

from __future__ import annotations

from tundish_platform.annotations.keeping import (
    LONGEST,
    MAX_PAGE,
    AnnotationRefused,
    AnnotationSpec,
    AnnotationView,
    UnknownAnnotation,
    annotate,
    annotations_on,
    list_annotations,
    remove_annotation,
)

__all__ = [
    "LONGEST",
    "MAX_PAGE",
    "AnnotationRefused",
    "AnnotationSpec",
    "AnnotationView",
    "UnknownAnnotation",
    "annotate",
    "annotations_on",
    "list_annotations",
    "remove_annotation",
]
