"""The tests on one enterprise, and when each of them is reason enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.ghosts.flat import is_flat
from tundish_platform.programme.ghosts.hours import office_share
from tundish_platform.programme.ghosts.look import Ghost, Suspicion
from tundish_platform.programme.ghosts.repeats import echo, known_before
from tundish_platform.programme.ghosts.synthetic import jump_together, made, related

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_platform.programme.ghosts.look import Look, Stream
    from tundish_platform.programme.ghosts.synthetic import Made

# Most of the signals must agree: one odd sensor is no ghost.
_MOST: Final = 0.6
_KNOWN: Final = 0.4
# Two signals that answer the same past by chance have no reason to do so after the same time.
_ECHO: Final = 0.35
# People come to work at the same time each day, so each day resembles the others.
_DAILY_ECHO: Final = 0.7
_DAY_S: Final = 86_400.0
_SAME_TIME_S: Final = 3600.0
_AGREES: Final = 0.2
_SOME: Final = 0.4
_ALONE: Final = 0.8
_LEAST_ECHOING: Final = 2
# One or two real sensors may well be bell-shaped noise; three independent ones on one machine are not.
_LEAST_MADE: Final = 3
_OFFICE: Final = 0.98


def suspicions(look: Look) -> tuple[Suspicion, ...]:
    """Reasons to look at one enterprise, the gravest first; none for a plant that seems to be at work."""
    moving = [stream for stream in look.streams if not is_flat(stream)]
    found = [_flat(look), _replayed(moving), _synthetic(moving), _office_hours(look)]
    return tuple(sorted((s for s in found if s is not None), key=lambda s: -s.risk))


def _flat(look: Look) -> Suspicion | None:
    judged = {stream.signal: is_flat(stream) for stream in look.long or look.streams}
    flat = tuple(number for number, verdict in judged.items() if verdict)
    if not flat or any(verdict is False for verdict in judged.values()):
        return None
    return Suspicion(Ghost.FLAT, 0.9, flat, {"signals": len(flat)})


def _replayed(moving: list[Stream]) -> Suspicion | None:
    judged = {stream.signal: known_before(stream) for stream in moving}
    known = {number: share for number, share in judged.items() if share is not None}
    copied = tuple(number for number, share in known.items() if share >= _KNOWN)
    if copied and len(copied) >= _MOST * len(known):
        share = sum(known[number] for number in copied) / len(copied)
        return Suspicion(Ghost.REPLAYED, min(1.0, 0.6 + share / 2), copied, {"known": round(share, 4)})
    return _echoed(moving)


def _echoed(moving: list[Stream]) -> Suspicion | None:
    """A copy under noise: the surprises of signals come again, all after the same time."""
    echoes = {s.signal: heard for s in moving for heard in [echo(s)] if heard is not None}
    periods = {s.signal: float(np.median(np.diff(s.ts))) for s in moving if s.signal in echoes}
    best: Suspicion | None = None
    for first, heard in echoes.items():
        loudest, lag = heard.loudest()
        if loudest < (_DAILY_ECHO if _is_days(lag * periods[first]) else _ECHO):
            continue
        shares = {number: other.at(lag) for number, other in echoes.items()}
        agreeing = tuple(number for number, share in shares.items() if share >= _AGREES)
        if loudest < _ALONE and len(agreeing) < max(_LEAST_ECHOING, _SOME * len(echoes)):
            continue
        if best is None or len(agreeing) > len(best.signals):
            figures = {"echo": round(loudest, 4), "seconds": round(lag * periods[first], 3)}
            best = Suspicion(Ghost.REPLAYED, min(1.0, 0.4 + loudest / 2), agreeing, figures)
    return best


def _is_days(seconds: float) -> bool:
    days = round(seconds / _DAY_S)
    return days > 0 and abs(seconds - days * _DAY_S) <= _SAME_TIME_S


def _synthetic(moving: list[Stream]) -> Suspicion | None:
    judged = {stream.signal: made(stream) for stream in moving}
    told = {number: one for number, one in judged.items() if one is not None}
    formulas = {number: one for number, one in told.items() if one.random or one.exact}
    if len(formulas) < max(_LEAST_MADE, _MOST * len(told)) and not _all_exact(told):
        return None
    closeness = related([one.innovations for one in formulas.values() if not one.exact])
    if closeness >= 1 or jump_together([one.jumps for one in told.values()]):
        return None
    share = len(formulas) / len(told)
    figures = {
        "signals": len(formulas),
        "share": round(share, 4),
        "likeness": round(max(one.likeness for one in formulas.values()), 5),
        "related": round(closeness, 4),
    }
    return Suspicion(Ghost.SYNTHETIC, 0.5 + 0.4 * share, tuple(formulas), figures)


def _all_exact(told: Mapping[int, Made]) -> bool:
    return bool(told) and all(one.exact for one in told.values())


def _office_hours(look: Look) -> Suspicion | None:
    share = office_share(look)
    if share is None or share < _OFFICE:
        return None
    return Suspicion(Ghost.OFFICE_HOURS, 0.6, (), {"share": round(share, 4), "hours_week": look.hours_week})
