"""Invented evidence files: honest random figures about options that were never run."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.evidence import append, load
from sandbox.report.comparison import Comparison

BuildEvidence = Callable[..., Path]
Change = Callable[[dict[str, Any]], dict[str, Any] | None]

FORCES = ("Northmoor SYNTHETIC", "Eastvale SYNTHETIC", "Marsh Agency SYNTHETIC")
MEMBERS = 4000
SUMMARY = {
    "business-as-usual": "Nothing leaves: today's points rule, as everyone knows it.",
    "non-personal": "Only tables that are published anyway.",
    "raw-pool": "Every row with every column of the use case.",
    "each-alone": "Nothing leaves: each force fits its own model.",
    "field-minimisation": "Every row, with the needed columns alone.",
    "pseudonymisation": "Every row, with direct identifiers replaced by keyed tokens.",
    "k-anonymity": "Every row, generalised until five people share each combination.",
    "dp-statistics": "Noisy counts with a formal privacy guarantee.",
    "gaussian-copula": "Synthetic rows drawn from a model fitted inside each force.",
    "federated-newton": "Sums of gradients and curvatures, once a round.",
    "federated-averaging": "Model coefficients, once a round.",
    "pooled-marginals": "Counts of pairs of columns.",
}
# headline of a binary outcome, spread over repeats, attack, rows about people, columns, bytes
TRUTH: dict[str, tuple[float, float, float | None, bool, int, float]] = {
    "business-as-usual": (0.728, 0.0, 0.500, False, 0, 0),
    "non-personal": (0.664, 0.0, 0.501, False, 0, 0),
    "raw-pool": (0.792, 0.0, 0.74, True, 28, 410_000),
    "each-alone": (0.765, 0.0, 0.502, False, 0, 0),
    "field-minimisation": (0.791, 0.0, 0.72, True, 22, 322_000),
    "pseudonymisation": (0.792, 0.0, 0.735, True, 28, 440_000),
    "k-anonymity": (0.748, 0.003, 0.61, True, 22, 350_000),
    "dp-statistics": (0.752, 0.012, 0.508, False, 0, 8_400),
    "gaussian-copula": (0.741, 0.008, 0.53, False, 0, 290_000),
    "federated-newton": (0.792, 0.0, 0.505, False, 0, 21_000),
    "federated-averaging": (0.779, 0.004, None, False, 0, 3_200),
}
GROUPS = {
    "ethnicity=White": 0.18,
    "ethnicity=Black": 0.27,
    "ethnicity=Asian": 0.2,
    "sex=female": 0.1,
}


def header(kind: str, names: tuple[str, ...], repeats: int, **changes: object) -> dict[str, Any]:
    """A plan's line."""
    outcome = kind == "binary-outcome"
    case = {
        "name": "invented-outcome" if outcome else "invented-counts",
        "title": "Who will be a suspect of serious violence within two years?"
        if outcome
        else "How many searches are made, and of whom?",
        "purpose": "Offer early help." if outcome else "Know where searches are unequal.",
        "unit": "person" if outcome else "record",
        "as_of": "2024-01-01",
        "notes": "The label is being recorded as a suspect, not guilt.",
        "columns": {
            "ethnicity": {"title": "ethnic group", "role": "quasi_identifier", "protected": True},
            "sex": {"title": "", "role": "quasi_identifier", "protected": True},
            "age": {"title": "age in years", "role": "quasi_identifier", "protected": True},
            "violence": {"title": "serious violence", "role": "target"},
        },
        "question": {"kind": kind, "target": "violence", "features": ["age", "sex", "ethnicity"]}
        if outcome
        else {"kind": kind, "by": ["force", "ethnicity", "sex"], "statistics": ["rows"]},
    }
    line: dict[str, Any] = {
        "schema": 1,
        "kind": "plan",
        "plan": hashlib.sha256(kind.encode()).hexdigest(),
        "title": case["title"],
        "purpose": case["purpose"],
        "use_case": case,
        "floor": {"measure": "auc", "value": 0.75, "direction": "at_least"}
        if outcome
        else {"measure": "total_variation", "value": 0.1, "direction": "at_most"},
        "forces": list(FORCES),
        "options": {name: SUMMARY[name] for name in names},
        "repeats": repeats,
        "held_out_share": 0.3,
        "data_status": "demo",
        "synthetic_demo": True,
        "people": MEMBERS,
        "data": {force: hashlib.sha256(force.encode()).hexdigest()[:16] for force in FORCES},
        "earlier_plans": [],
        "at": "2026-05-03T14:00:00+00:00",
    }
    return line | changes


def run(kind: str, name: str, repeat: int, plan: str, seed: int = 7) -> dict[str, Any]:
    """One run's line, of an option that gave a release."""
    value, spread, attack, pools, columns, sent = TRUTH[name]
    people = np.random.default_rng([seed, repeat]).normal(0, 0.008, 200)  # same for every option
    own = np.random.default_rng([seed, repeat, *name.encode()])
    value += own.normal(0, spread) if spread else 0.0
    replicates = value + people + own.normal(0, 0.001 if name != "raw-pool" else 0.0, 200)
    if kind != "binary-outcome":
        value, replicates = abs(0.792 - value) * 2.5, np.abs(0.792 - replicates) * 2.5
    measure = "auc" if kind == "binary-outcome" else "total_variation"
    low, high = np.percentile(replicates, (2.5, 97.5))
    findings: list[dict[str, Any]] = [
        {
            "measure": measure,
            "value": value,
            "better": "higher" if measure == "auc" else "lower",
            "low": low,
            "high": high,
            "replicates": [round(float(each), 6) for each in replicates],
        },
        {
            "measure": "brier",
            "value": 0.11 - value / 50,
            "better": "lower",
            "low": 0.09,
            "high": 0.1,
        },
    ]
    findings += attack_findings(attack, own)
    for group, rate in GROUPS.items():
        shifted = rate + (0.09 if name == "k-anonymity" and group.endswith("Black") else 0.0)
        shifted += float(own.normal(0, 0.004))
        ends = {"low": shifted - 0.025, "high": shifted + 0.025}
        findings.append(
            {"measure": "false_positive_rate", "value": shifted, "better": "lower", "group": group}
            | ends
        )
    findings.append(
        {
            "measure": "false_positive_rate",
            "value": None,
            "better": "lower",
            "group": "ethnicity=Other",
            "note": "too few to report",
        }
    )
    findings.append(gap_finding(name, people))
    for force in FORCES:
        findings.append({"measure": measure, "value": value, "better": "higher", "force": force})
    rows = MEMBERS // len(FORCES) if pools else 0
    egress = {
        force: {
            "messages": 1,
            "rows": rows or 40,
            "cells": (rows or 40) * max(columns, 3),
            "sent": int(sent) // len(FORCES),
            "received": 200,
            "person_rows": rows,
        }
        for force in FORCES
    }
    kinds = ["rows"] if pools else ["statistics"] if sent else ["nothing"]
    return {
        "schema": 1,
        "kind": "run",
        "plan": plan,
        "use_case": "invented",
        "option": name,
        "summary": SUMMARY[name],
        "parameters": {"k": 5} if name == "k-anonymity" else {},
        "repeat": repeat,
        "status": "done",
        "findings": json.loads(json.dumps(findings)),
        "egress": egress,
        "payload_kinds": kinds,
        "cost": {
            "wall_seconds": float(own.uniform(0.4, 9)),
            "release_seconds": float(own.uniform(0.1, 4)),
            "assess_seconds": 0.8,
            "cpu_seconds": float(own.uniform(0.3, 9)),
            "peak_bytes": int(own.uniform(120e6, 700e6)),
        },
        "privacy_loss": loss(kind) if name == "dp-statistics" else None,
        "remarks": ["3 groups were suppressed."] if name == "k-anonymity" else [],
        "released": {"rows": 100, "columns": ["force", "rows"]},
        "seed": seed,
        "jobs": 2,
        "versions": {"duckdb": "1.5.5", "opendp": "0.16.0"},
        "held_out": "c0ffee",
        "machine": "Linux x86_64, Python 3.11.9",
        "at": f"2026-05-03T14:{repeat + 1:02d}:00+00:00",
    }


def gap_finding(name: str, people: np.ndarray) -> dict[str, Any]:
    """The widest gap between ethnic groups: twice as wide under one option."""
    gap = 0.18 if name == "k-anonymity" else 0.09
    replicates = gap + people
    low, high = np.percentile(replicates, (2.5, 97.5))
    return {
        "measure": "false_positive_rate_gap",
        "value": gap,
        "better": "lower",
        "group": "ethnicity",
        "low": low,
        "high": high,
        "replicates": [round(float(each), 6) for each in replicates],
    }


def attack_findings(attack: float | None, own: np.random.Generator) -> list[dict[str, Any]]:
    """A membership attack on everyone and on outliers; without a verdict where it is None."""
    if attack is None:
        note = "no verdict: the negative control missed 0.5"
        return [{"measure": "membership_auc", "value": None, "better": "neither", "note": note}]
    found = []
    for group, more in (("", 0.0), ("outliers=top 1%", 0.3 * (attack - 0.5))):
        value = attack + more + float(own.normal(0, 0.004))
        found.append(
            {
                "measure": "membership_auc",
                "value": value,
                "better": "neither",
                "low": value - (0.05 if group else 0.015),
                "high": value + (0.05 if group else 0.015),
                "group": group,
                "baseline": 0.5,
                "control": 0.5 + float(own.normal(0, 0.004)),
            }
        )
    return found


def loss(kind: str) -> dict[str, Any]:
    """The privacy loss of the private option."""
    return {
        "epsilon": 1.0,
        "delta": 1e-6,
        "unit": "person" if kind == "binary-outcome" else "record",
        "neighbours": "add or remove all rows of one unit",
        "bounds": [["groups", 3], ["rows", 2]],
        "forces": len(FORCES),
        "mechanism": "discrete Gaussian",
        "epsilon_everywhere": 3.0,
        "delta_everywhere": 3e-6,
    }


def lost(name: str, status: str, reason: str, plan: str, repeat: int = 0) -> dict[str, Any]:
    """One run's line, of an option that gave no release."""
    return {
        "schema": 1,
        "kind": "run",
        "plan": plan,
        "use_case": "invented",
        "option": name,
        "summary": SUMMARY[name],
        "repeat": repeat,
        "status": status,
        "reason": reason,
        "at": "2026-05-03T14:01:00+00:00",
    }


@pytest.fixture
def build_evidence(tmp_path: Path) -> BuildEvidence:
    """Writes an invented evidence file and returns its path."""

    def build(
        kind: str = "binary-outcome",
        repeats: int = 2,
        options: tuple[str, ...] = tuple(TRUTH),
        change: Change = lambda row: row,
        **changes: object,
    ) -> Path:
        path = tmp_path / f"{kind}.jsonl"
        path.unlink(missing_ok=True)
        line = header(kind, (*options, "pooled-marginals"), repeats, **changes)
        append(path, line)
        for repeat in range(repeats):
            for name in options:
                row = change(run(kind, name, repeat, line["plan"]))
                if row is not None:
                    append(path, row)
            reason = "it answers questions about groups, not about people"
            append(path, lost("pooled-marginals", "not applicable", reason, line["plan"], repeat))
        return path

    return build


@pytest.fixture
def compared(build_evidence: BuildEvidence) -> Callable[..., Comparison]:
    """An invented comparison."""

    def build(**options: object) -> Comparison:
        return Comparison(load(build_evidence(**options)))

    return build
