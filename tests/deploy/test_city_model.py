"""The made city: the same by seed, marked in every row, and with the behaviour that its page states."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest

from tundish_deploy.city import COUNTS, SHARES, facts, register
from tundish_platform.programme.uscc import InvalidUscc, check_uscc

_MANY, _MONTHS, _SEED = 6_000, 24, 3


def test_same_seed_gives_the_same_city_and_another_seed_another() -> None:
    assert facts(200, 5, 1).equals(facts(200, 5, 1))
    assert register(200, 5, 1).equals(register(200, 5, 1))
    assert not facts(200, 5, 1).equals(facts(200, 5, 2))


def test_every_row_says_that_it_is_simulated() -> None:
    assert pc.all(facts(50, 4, 1).column("simulated")).as_py()
    assert pc.all(register(50, 4, 1).column("simulated")).as_py()


def test_codes_pass_as_fictional_only() -> None:
    codes = register(300, 3, 1).column("uscc").to_pylist()
    assert len(set(codes)) == 300
    assert [check_uscc(code, demo=True) for code in codes] == codes
    with pytest.raises(InvalidUscc):
        check_uscc(codes[0])


def test_facts_are_possible() -> None:
    table = facts(_MANY, 14, _SEED)
    for name in COUNTS + SHARES:
        assert pc.min(table.column(name)).as_py() >= 0, name
    for name in SHARES:
        assert pc.max(table.column(name)).as_py() <= 1, name
    for name in ("user_bins", "machine_bins", "app_bins"):
        assert pc.max(table.column(name)).as_py() <= 31, name
    assert pc.all(pc.less_equal(table.column("alerts_handled"), table.column("alerts"))).as_py()
    owned = register(_MANY, 14, _SEED).column("machines").to_numpy()
    sent = table.column("machines").to_numpy()
    assert np.mean(sent > owned[table.column("enterprise").to_numpy() - 1]) < 0.02, "only cheats send more"


def test_register_grows_by_the_share_the_plan_names() -> None:
    by_month = facts(_MANY, _MONTHS, _SEED).group_by("month").aggregate([("enterprise", "count")])
    here = [row["enterprise_count"] for row in by_month.sort_by("month").to_pylist()]
    assert here[-1] / here[0] == pytest.approx(1 + 0.25 * (_MONTHS - 1) / 60, abs=0.02)


def test_cheats_send_more_machines_than_honest_ones_and_nobody_logs_in() -> None:
    table, known = facts(_MANY, _MONTHS, _SEED), register(_MANY, _MONTHS, _SEED)
    cheats = np.asarray(known.column("cheats_by").to_pylist()) != ""
    of_cheats = cheats[table.column("enterprise").to_numpy() - 1]
    sends = table.column("machines").to_numpy() >= 3
    quiet = table.column("user_bins").to_numpy() <= 8
    assert np.mean((sends & quiet)[of_cheats]) > 5 * np.mean((sends & quiet)[~of_cheats])


def test_city_without_enterprises_or_months_is_refused() -> None:
    with pytest.raises(ValueError, match="a month at least"):
        facts(0, 3, 1)
    with pytest.raises(ValueError, match="a month at least"):
        facts(3, 0, 1)
