"""CTGAN: seeded, inside the domain, and gone when the step ends."""

import pickle
from collections.abc import Callable

import pyarrow as pa
import pytest

from synthetic.ctgan import GenerativeNetwork

Synthesise = Callable[..., list[pa.Table]]


@pytest.mark.slow
def test_a_seed_repeats_a_network_and_another_seed_does_not(
    synthesise: Synthesise, people: Callable[..., pa.Table]
) -> None:
    option = GenerativeNetwork(epochs=2)
    first, again, other = synthesise(option, {"ashmere": people(220)}, 1, 1, 2)
    assert first == again
    assert first != other
    assert first.num_rows == 220
    assert 10 <= min(first["age"].to_pylist()) <= max(first["age"].to_pylist()) <= 90
    assert set(first["sex"].to_pylist()) <= {"female", "male"}


@pytest.mark.slow
def test_no_network_is_pickled(
    synthesise: Synthesise, people: Callable[..., pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was pickled")

    monkeypatch.setattr(pickle, "dump", refuse)
    table = synthesise(GenerativeNetwork(epochs=1), {"ashmere": people(220)})[0]
    assert table.num_rows == 220


def test_few_people_are_not_learnt_from(
    synthesise: Synthesise, people: Callable[..., pa.Table]
) -> None:
    assert synthesise(GenerativeNetwork(), {"ashmere": people(50)})[0].num_rows == 50


def test_no_training_is_refused() -> None:
    with pytest.raises(ValueError, match="epochs"):
        GenerativeNetwork(epochs=0)
