"""The published table of constants (ISO 7870-2, ASTM E2587), reproduced by computation."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tundish_analytics.spc import c4, d2, d3, deviation_factors, range_factors

# n: d2, d3, c4, A2, D3, D4, A3, B3, B4
PUBLISHED = {
    2: (1.128, 0.853, 0.7979, 1.880, 0.0, 3.267, 2.659, 0.0, 3.267),
    3: (1.693, 0.888, 0.8862, 1.023, 0.0, 2.575, 1.954, 0.0, 2.568),
    4: (2.059, 0.880, 0.9213, 0.729, 0.0, 2.282, 1.628, 0.0, 2.266),
    5: (2.326, 0.864, 0.9400, 0.577, 0.0, 2.115, 1.427, 0.0, 2.089),
    6: (2.534, 0.848, 0.9515, 0.483, 0.0, 2.004, 1.287, 0.030, 1.970),
    7: (2.704, 0.833, 0.9594, 0.419, 0.076, 1.924, 1.182, 0.118, 1.882),
    8: (2.847, 0.820, 0.9650, 0.373, 0.136, 1.864, 1.099, 0.185, 1.815),
    9: (2.970, 0.808, 0.9693, 0.337, 0.184, 1.816, 1.032, 0.239, 1.761),
    10: (3.078, 0.797, 0.9727, 0.308, 0.223, 1.777, 0.975, 0.284, 1.716),
}


@pytest.mark.parametrize("n", PUBLISHED)
def test_constants_agree_with_the_published_table(n: int) -> None:
    computed = (d2(n), d3(n), c4(n), *range_factors(n), *deviation_factors(n))
    assert computed == pytest.approx(PUBLISHED[n], abs=6e-4)


def test_subgroups_of_one_have_no_range() -> None:
    with pytest.raises(ValueError, match="subgroups"):
        d2(1)


def test_charts_alone_load_none_of_the_statistics_that_an_app_would_pay_for() -> None:
    # An app's sandbox bounds its memory, and each start pays for what is imported.
    told = "import sys, tundish_analytics.spc; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
