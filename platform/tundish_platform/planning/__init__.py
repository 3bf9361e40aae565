"""Planning lines and machines: kits and types become assets, signals and alarm rules in one step."""

from tundish_platform.planning.building import build, preview
from tundish_platform.planning.drafts import Draft, draft_of_instance, draft_of_kit
from tundish_platform.planning.outcome import Change, Outcome, Planned

__all__ = ["Change", "Draft", "Outcome", "Planned", "build", "draft_of_instance", "draft_of_kit", "preview"]
