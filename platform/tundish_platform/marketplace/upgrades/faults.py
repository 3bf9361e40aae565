"""Why an upgrade cannot be, in words for people."""

from __future__ import annotations


class UpgradeRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """What was asked for cannot be done; ``code`` tells programs which of the reasons it is."""

    def __init__(self, status: int, code: str, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.status = status
        self.code = code
        self.message_zh = message_zh
        self.message_en = message_en


def no_such_version(app_id: str, version: str) -> UpgradeRefused:
    """It is not on the shelf, or not newer than what runs."""
    return UpgradeRefused(
        404, "unknown_version", f"货架上没有比当前更新的 {app_id} {version}。请刷新后再看。",
        f"There is no {app_id} {version} on the shelf that is newer than what runs. Look at it again.",
    )  # fmt: skip


def not_agreed(more: tuple[str, ...]) -> UpgradeRefused:
    """It uses more data than was agreed to."""
    named = ", ".join(more)
    return UpgradeRefused(
        409, "consent_needed", f"新版本使用更多数据: {named}。请逐项同意后再升级。",
        f"The new version uses more data: {named}. Agree to each of it to upgrade.",
    )  # fmt: skip


def one_is_open(version: str) -> UpgradeRefused:
    """Another upgrade waits."""
    return UpgradeRefused(
        409, "upgrade_open", f"升级到 {version} 尚未结束。请等待或放弃该次升级。",
        f"The upgrade to {version} is not over. Wait for it, or give it up.",
    )  # fmt: skip


def lacks(keys: tuple[str, ...]) -> UpgradeRefused:
    """The plant has no signals for what the new version needs."""
    named = ", ".join(keys)
    return UpgradeRefused(
        409, "missing_inputs", f"新版本所需的输入 {named} 在本企业没有对应信号。",
        f"The new version needs inputs that no signal here serves: {named}.",
    )  # fmt: skip


def over(number: int) -> UpgradeRefused:
    """It waits for nothing any more."""
    return UpgradeRefused(
        409, "upgrade_over", f"升级 {number} 已结束, 或状态不允许此操作。请刷新后再看。",
        f"Upgrade {number} is over, or its state does not allow this. Look at it again.",
    )  # fmt: skip


def nothing_to_return_to(app_id: str) -> UpgradeRefused:
    """No former version, or none that may run."""
    return UpgradeRefused(
        409, "no_former_version", f"{app_id} 没有可退回的版本。",
        f"There is no former version of {app_id} that could run again.",
    )  # fmt: skip
