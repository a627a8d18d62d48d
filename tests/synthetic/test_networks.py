"""CTGAN and TVAE: seeded, inside the domain, and gone when the step ends."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Option
from synthetic import GenerativeNetwork, VariationalAutoencoder

Synthesise = Callable[..., list[pa.Table]]
Kind = Callable[..., Option]

NETWORKS = pytest.mark.parametrize("network", [GenerativeNetwork, VariationalAutoencoder])


@pytest.mark.slow
@NETWORKS
def test_a_seed_repeats_a_network_and_another_seed_does_not(
    network: Kind, synthesise: Synthesise, people: Callable[..., pa.Table]
) -> None:
    first, again, other = synthesise(network(epochs=2), {"ashmere": people(220)}, 1, 1, 2)
    assert first == again
    assert first != other
    assert first.num_rows == 220
    assert 10 <= min(first["age"].to_pylist()) <= max(first["age"].to_pylist()) <= 90
    assert set(first["sex"].to_pylist()) <= {"female", "male"}


@pytest.mark.slow
def test_an_autoencoder_learns_what_goes_together(
    synthesise: Synthesise, people: Callable[..., pa.Table]
) -> None:
    table = synthesise(VariationalAutoencoder(epochs=60), {"ashmere": people(800)})[0]
    age, prior = table["age"].to_numpy(), table["prior"].to_numpy()
    assert np.corrcoef(age, prior)[0, 1] > 0.5


@NETWORKS
def test_few_people_are_not_learnt_from(
    network: Kind, synthesise: Synthesise, people: Callable[..., pa.Table]
) -> None:
    assert synthesise(network(), {"ashmere": people(50)})[0].num_rows == 50


@NETWORKS
def test_no_training_is_refused(network: Kind) -> None:
    with pytest.raises(ValueError, match="epochs"):
        network(epochs=0)
