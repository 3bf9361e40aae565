"""Upgrades of subscriptions: offered, tried beside the running version, taken, and undone."""

from tundish_platform.marketplace.upgrades.asking import ask_upgrade, give_up, set_follow
from tundish_platform.marketplace.upgrades.comparing import Shadow
from tundish_platform.marketplace.upgrades.faults import UpgradeRefused
from tundish_platform.marketplace.upgrades.following import follow_patches
from tundish_platform.marketplace.upgrades.offering import Newer, Offer, newer_versions, offer_of
from tundish_platform.marketplace.upgrades.states import FAILURES, MAX_TRIES, Follow, Reason, State
from tundish_platform.marketplace.upgrades.taking import after_failures, roll_back, shadow_ran, take_anyway
from tundish_platform.marketplace.upgrades.views import (
    UnknownUpgrade,
    UpgradeView,
    former_version,
    newest_taken,
    open_upgrades,
    upgrade_of,
    upgrades_of,
)

__all__ = [
    "FAILURES",
    "MAX_TRIES",
    "Follow",
    "Newer",
    "Offer",
    "Reason",
    "Shadow",
    "State",
    "UnknownUpgrade",
    "UpgradeRefused",
    "UpgradeView",
    "after_failures",
    "ask_upgrade",
    "follow_patches",
    "former_version",
    "give_up",
    "newer_versions",
    "newest_taken",
    "offer_of",
    "open_upgrades",
    "roll_back",
    "set_follow",
    "shadow_ran",
    "take_anyway",
    "upgrade_of",
    "upgrades_of",
]
