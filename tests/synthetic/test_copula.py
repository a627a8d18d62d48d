"""The Gaussian copula: its scores, its margins, its engine's traps and its fallback."""

import builtins
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from minimisation import Bounds, Column, Forces, MissingEngineError, UseCase
from synthetic import sdv_copula
from synthetic.copula import GaussianCopula, copula_codes, normal_scores
from synthetic.margins import Cells, Margin

BIT = Cells(column=Column(name="bit", role="other", domain=Bounds(low=0, high=1)))


def test_scores_have_mean_zero_and_variance_one() -> None:
    codes = np.array([0, 0, 0, 1, 2])
    scores = normal_scores(Margin.of(BIT, codes), codes)
    assert abs(scores.mean()) < 1e-12
    assert abs(scores.var() - 1) < 1e-12
    assert scores[0] < scores[3] < scores[4]


def test_scores_of_a_constant_column_are_zero() -> None:
    codes = np.array([1, 1, 1])
    assert normal_scores(Margin.of(BIT, codes), codes).tolist() == [0.0, 0.0, 0.0]


def test_a_rare_value_keeps_its_frequency() -> None:
    codes = np.repeat([0, 1], [950, 50])
    drawn = copula_codes([BIT, BIT], [codes, codes], len(codes), 1)
    assert abs(float(np.mean(drawn[0])) - 0.05) < 0.03


def test_the_engine_repeats_a_seed_even_when_forces_run_in_threads() -> None:
    scores = np.random.default_rng(0).standard_normal((200, 3))
    alone = [sdv_copula.gaussian_copula(scores, 50, seed) for seed in (1, 2, 1, 2)]
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(sdv_copula.gaussian_copula, scores, 50, seed) for seed in (1, 2) * 2]
        together = [future.result() for future in futures]
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(alone[0], alone[1])


def test_a_missing_engine_names_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "sdv" else found(name)
    )
    with pytest.raises(MissingEngineError, match=r"\[synthetic\]"):
        GaussianCopula().apply(outcome_forces, outcome_use_case, np.random.default_rng(1))


def test_a_force_too_small_for_a_correlation_is_named_in_the_remarks(
    open_forces: Callable[..., Forces], people: Callable[..., pa.Table], outcome_use_case: UseCase
) -> None:
    records = {"ashmere": people(120), "brackley": people(10)}
    with open_forces(outcome_use_case, records, held_out=0.0) as forces:
        release = GaussianCopula().apply(forces, outcome_use_case, np.random.default_rng(1))
    assert any("brackley" in remark and "independently" in remark for remark in release.remarks)
    assert not any("ashmere" in remark for remark in release.remarks)


def test_a_threshold_below_two_people_is_refused() -> None:
    with pytest.raises(ValueError, match="fewest"):
        GaussianCopula(fewest=1)


def test_the_model_is_never_written_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    sdv_copula.gaussian_copula(np.eye(3), 2, 1)
    opened: list[object] = []
    original = builtins.open

    def watched(file: object, mode: str = "r", *rest: object, **options: object) -> object:
        if set(mode) & set("wax+"):
            opened.append(file)
        return original(file, mode, *rest, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(builtins, "open", watched)
    sdv_copula.gaussian_copula(np.random.default_rng(0).standard_normal((80, 2)), 10, 1)
    assert opened == []


def test_importing_the_engine_writes_nothing_under_the_home(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from synthetic import sdv_copula; "
        "sdv_copula.gaussian_copula(np.random.default_rng(0).standard_normal((60, 2)), 5, 1)"
    )
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=home)
    assert list(tmp_path.rglob("*")) == []


def test_twenty_columns_of_nine_forces_take_seconds() -> None:
    rng = np.random.default_rng(0)
    cells = [
        Cells(column=Column(name=f"n{i}", role="other", domain=Bounds(low=0, high=50)))
        for i in range(20)
    ]
    codes = [rng.integers(0, 51, 550) for _ in cells]
    sdv_copula.gaussian_copula(np.eye(3), 2, 1)
    start = time.perf_counter()
    copula_codes(cells, codes, len(codes[0]), 1)
    assert time.perf_counter() - start < 10 / 9
