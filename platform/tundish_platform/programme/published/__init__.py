"""Figures in public: what may be shown, the log that proves it was never changed, and its verification."""

from tundish_platform.programme.published.entries import Figure, Opening
from tundish_platform.programme.published.heads import Head, HeadSigner
from tundish_platform.programme.published.log import UnknownFigure
from tundish_platform.programme.published.publishing import NothingToPublish, newest_publication, publish

__all__ = [
    "Figure",
    "Head",
    "HeadSigner",
    "NothingToPublish",
    "Opening",
    "UnknownFigure",
    "newest_publication",
    "publish",
]
