"""Unknown keys: a rare key stays hidden, and the threshold is the one OpenDP derives."""

from typing import Any

import pytest

from minimisation.statistics import noise
from minimisation.statistics.thresholds import UnknownKeys


def test_a_key_of_one_person_is_hidden_however_many_draws() -> None:
    keys = UnknownKeys(groups=3, epsilon=1.0, delta=1e-9)
    for _ in range(200):
        assert keys.release({"rare": 1, "common": 10_000}).keys() == {"common"}


@pytest.mark.parametrize(("groups", "epsilon", "delta"), [(1, 1.0, 1e-6), (5, 0.5, 1e-9)])
def test_the_threshold_is_opendps(groups: int, epsilon: float, delta: float) -> None:
    keys = UnknownKeys(groups=groups, epsilon=epsilon, delta=delta)
    dp: Any = noise._opendp()
    domain = dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T="i64"))
    metric = dp.l01inf_distance(dp.absolute_distance(T="i64"))
    theirs = {}
    for threshold in (keys.threshold, keys.threshold - 1):
        mechanism = (domain, metric) >> dp.m.then_laplace_threshold(
            scale=keys.noise.scale, threshold=threshold
        )
        theirs[threshold] = mechanism.map((groups, groups, 1))
    # OpenDP shows a count above its threshold, this module one that reaches it
    assert theirs[keys.threshold - 1][1] <= delta * (1 + 1e-6)
    assert theirs[keys.threshold - 1][0] == pytest.approx(epsilon)


def test_a_threshold_one_lower_would_break_delta() -> None:
    keys = UnknownKeys(groups=2, epsilon=0.7, delta=1e-5)
    assert keys._hides(keys.threshold)
    assert not keys._hides(keys.threshold - 1)


def test_keys_come_out_in_their_own_order() -> None:
    keys = UnknownKeys(groups=1, epsilon=5.0, delta=1e-3)
    one = list(keys.release({"b": 900, "a": 800, "c": 700}))
    assert one == ["a", "b", "c"]


def test_a_tiny_delta_hides_everything_without_a_crash() -> None:
    keys = UnknownKeys(groups=1, epsilon=0.01, delta=1e-300)
    assert keys.release({"a": 50}) == {}
    assert keys.release({}) == {}


@pytest.mark.parametrize(("groups", "epsilon", "delta"), [(0, 1, 1e-6), (1, 1, 0), (1, 0, 1e-6)])
def test_an_impossible_release_is_refused(groups: int, epsilon: float, delta: float) -> None:
    with pytest.raises(ValueError, match="must"):
        UnknownKeys(groups=groups, epsilon=epsilon, delta=delta)
