"""Ghost connections: streams that look connected and are no machine at work.

`suspicions` looks at one enterprise, `Marks` compares enterprises with each other. What is found is a reason
to look, with figures, never a verdict; docs/reference/ghosts.md says what each test claims and what not.
"""

from tundish_platform.programme.ghosts.clones import Marks
from tundish_platform.programme.ghosts.detector import suspicions
from tundish_platform.programme.ghosts.look import Ghost, Look, Stream, Suspicion

__all__ = ["Ghost", "Look", "Marks", "Stream", "Suspicion", "suspicions"]
