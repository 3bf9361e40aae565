"""Figures in public: what may be shown, the log that proves it was never changed, and its verification."""

from tundish_platform.programme.published.entries import Figure, Opening
from tundish_platform.programme.published.heads import Head, HeadSigner
from tundish_platform.programme.published.log import UnknownFigure, last_head
from tundish_platform.programme.published.publishing import (
    Moved,
    NothingToPublish,
    Preview,
    newest_publication,
    preview,
    publish,
)

__all__ = [
    "Figure",
    "Head",
    "HeadSigner",
    "Moved",
    "NothingToPublish",
    "Opening",
    "Preview",
    "UnknownFigure",
    "last_head",
    "newest_publication",
    "preview",
    "publish",
]
