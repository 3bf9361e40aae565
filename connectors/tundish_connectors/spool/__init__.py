"""Store-and-forward on disk: what is appended here survives a kill and a power cut until it is delivered."""

from tundish_connectors.spool.segment import Quarantined
from tundish_connectors.spool.spool import Spool, SpoolError, SpoolFull, SpoolRecord

__all__ = ["Quarantined", "Spool", "SpoolError", "SpoolFull", "SpoolRecord"]
