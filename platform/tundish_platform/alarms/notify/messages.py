"""What a message says, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

_PRIORITY: Final = {
    1: ("低", "low"),
    2: ("中", "medium"),
    3: ("高", "high"),
    4: ("紧急", "critical"),
}
# A chat message should fit on a telephone's screen.
_LISTED: Final = 8


@dataclass(frozen=True, slots=True)
class Told:
    """One alarm in a message.

    Attributes:
        waited: minutes unacknowledged when this step came.
        step: counted from 1.
        still: whether it holds.
    """

    alarm: int
    name_zh: str
    name_en: str
    message_zh: str
    message_en: str
    path: str
    priority: int
    since: datetime | None
    waited: int
    step: int
    still: bool


@dataclass(frozen=True, slots=True)
class Plant:
    """Where it happens."""

    slug: str
    name_zh: str
    name_en: str
    zone: ZoneInfo


def alarm_content(
    plant: Plant, kind: str, told: Sequence[Told], count: int, flood_since: datetime | None, language: str
) -> dict[str, Any]:
    """Subject and text of one or many alarms, and the alarms as data.

    Args:
        plant: whose.
        kind: ``alarm`` or ``flood``.
        told: the alarms that are listed, as many as were kept.
        count: how many there are.
        flood_since: when the flood began, if there is one.
        language: ``zh``, ``en`` or ``both``.
    """
    ordered = sorted(told, key=lambda one: (-one.priority, one.since is None, one.since, one.alarm))
    writers: dict[str, Callable[..., tuple[str, str]]] = {"zh": _chinese, "en": _english}
    chosen = ("zh", "en") if language == "both" else (language,)
    parts = [writers[one](plant, ordered, count, flood_since if kind == "flood" else None) for one in chosen]
    subject = " / ".join(part[0] for part in parts)
    return {
        "subject": subject[:190],
        "text": "\n\n".join(part[1] for part in parts),
        "alarms": [_data(one) for one in ordered],
    }


def trial_content(plant: Plant, channel: str, language: str) -> dict[str, Any]:
    """A message that only shows that the channel works."""
    zh = (
        f"【测试】{plant.name_zh or plant.name_en} 报警通知",
        f"这是渠道“{channel}”的测试消息, 无需处理。",
    )
    en = (
        f"[Test] {plant.name_en or plant.name_zh} alarm notices",
        f"This is a test message of the channel “{channel}”. Nothing needs to be done.",
    )
    chosen = {"zh": (zh,), "en": (en,)}.get(language, (zh, en))
    return {
        "subject": " / ".join(one[0] for one in chosen)[:190],
        "text": "\n\n".join("\n".join(one) for one in chosen),
        "alarms": [],
    }


def _chinese(plant: Plant, told: Sequence[Told], count: int, flood: datetime | None) -> tuple[str, str]:
    name = plant.name_zh or plant.name_en
    if flood is not None:
        subject = f"【报警泛滥】{name}: {count} 条报警待确认"
        lines = [subject, f"自 {_clock(flood, plant)} 起报警过多, 已合并为一条消息。最要紧的:"]
    elif count == 1:
        one = told[0]
        subject = f"【{_PRIORITY[one.priority][0]}】{name}: {one.name_zh or one.name_en}"
        lines = [subject]
    else:
        subject = f"【报警】{name}: {count} 条报警待确认"
        lines = [subject]
    for one in told[:_LISTED]:
        head = f"{_PRIORITY[one.priority][0]} | {one.name_zh or one.name_en} | {one.path or '–'}"
        state = "仍在持续" if one.still else "已恢复, 未确认"
        waited = f", 已 {one.waited} 分钟未确认" if one.waited else ""
        lines += [
            head,
            f"  {one.message_zh or one.message_en}".rstrip(),
            f"  {_clock(one.since, plant)} 起, {state}{waited}",
        ]
    if count > _LISTED:
        lines.append(f"另有 {count - min(_LISTED, len(told))} 条, 请查看报警页面。")
    return subject, "\n".join(line for line in lines if line)


def _english(plant: Plant, told: Sequence[Told], count: int, flood: datetime | None) -> tuple[str, str]:
    name = plant.name_en or plant.name_zh
    if flood is not None:
        subject = f"[Alarm flood] {name}: {count} alarms unacknowledged"
        lines = [
            subject,
            f"Too many alarms since {_clock(flood, plant)}; they are put into one message. The gravest:",
        ]
    elif count == 1:
        one = told[0]
        subject = f"[{_PRIORITY[one.priority][1]}] {name}: {one.name_en or one.name_zh}"
        lines = [subject]
    else:
        subject = f"[Alarms] {name}: {count} unacknowledged"
        lines = [subject]
    for one in told[:_LISTED]:
        head = f"{_PRIORITY[one.priority][1]} | {one.name_en or one.name_zh} | {one.path or '–'}"
        state = "still holds" if one.still else "gone, not acknowledged"
        waited = f", unacknowledged for {one.waited} min" if one.waited else ""
        lines += [
            head,
            f"  {one.message_en or one.message_zh}".rstrip(),
            f"  since {_clock(one.since, plant)}, {state}{waited}",
        ]
    if count > _LISTED:
        lines.append(f"{count - min(_LISTED, len(told))} more, see the alarm page.")
    return subject, "\n".join(line for line in lines if line)


def _clock(at: datetime | None, plant: Plant) -> str:
    return "–" if at is None else f"{at.astimezone(plant.zone):%Y-%m-%d %H:%M:%S}"


def _data(one: Told) -> dict[str, Any]:
    return {
        "alarm": one.alarm, "name_zh": one.name_zh, "name_en": one.name_en,
        "message_zh": one.message_zh, "message_en": one.message_en, "path": one.path,
        "priority": one.priority, "since": None if one.since is None else one.since.isoformat(),
        "waited_minutes": one.waited, "step": one.step, "active": one.still,
    }  # fmt: skip
