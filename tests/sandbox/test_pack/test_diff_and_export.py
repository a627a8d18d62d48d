"""Packs compared figure by figure, and a chosen option as a plan of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from minimisation import UseCaseError
from sandbox.pack.diff import diff
from sandbox.pack.export import export
from sandbox.plan import read_plan

PLAN = """\
# A plan.
title = "x"
use_case = "serious-violence"
repeats = 10
options = [
  "raw-pool",
  "k-anonymity",
]

[parameters.k-anonymity]
k = 7

[parameters.subsample-5]
share = 0.05

[data]
status = "demo"
[data.demo]
people = 500
"""


def test_a_pack_does_not_differ_from_itself(pack: Callable[..., Path]) -> None:
    written = pack()
    assert diff(written, written.with_suffix(".zip")) == []


def test_one_changed_figure_is_one_change_with_its_place(pack: Callable[..., Path]) -> None:
    written = pack()
    after = written.with_name("after")
    written.rename(after)
    first = pack()
    path = after / "evidence.json"
    data = json.loads(path.read_text("utf-8"))
    number = next(n for n in data["numbers"] if n.get("table") == "options")
    number["text"] = "0.5"
    path.write_text(json.dumps(data), "utf-8")
    (change,) = diff(first, after)
    assert change.section == "2.10"
    assert change.where.startswith("options / ")
    assert change.after == "0.5"


def test_an_exported_option_is_a_plan_of_that_option_alone(
    build_evidence: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, "utf-8")
    plan = read_plan(path)
    study = SimpleNamespace(evidence=build_evidence(), plan=plan, plan_path=path)
    out = tmp_path / "chosen.toml"
    out.write_text(export(study, "k-anonymity", out), "utf-8")
    chosen = read_plan(out)
    assert chosen.file.options == ["k-anonymity"]
    assert chosen.file.repeats == 1
    assert chosen.file.parameters == {"k-anonymity": {"k": 7}}
    assert chosen.use_case == plan.use_case
    assert plan.digest in out.read_text("utf-8")


def test_an_option_without_an_answer_is_not_exported(
    build_evidence: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, "utf-8")
    study = SimpleNamespace(evidence=build_evidence(), plan=read_plan(path), plan_path=path)
    with pytest.raises(UseCaseError, match="pooled-marginals"):
        export(study, "pooled-marginals", tmp_path / "out.toml")
