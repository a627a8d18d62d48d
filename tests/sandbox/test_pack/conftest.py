"""Packs of invented evidence."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from minimisation.forces.actors import ActorKey
from sandbox.evidence import append, load
from sandbox.pack import folder
from sandbox.pack.build import build
from sandbox.pack.document import Document
from sandbox.pack.material import Governance, Material
from sandbox.report.comparison import Comparison

BuildEvidence = Callable[..., Path]

POINTS = [
    {"kept": 3, "label": "age, sex, ethnicity", "value": 0.80, "low": 0.78, "high": 0.82},
    {"kept": 2, "label": "age, sex", "value": 0.76, "low": 0.74, "high": 0.78},
    {"kept": 1, "label": "age", "value": 0.70, "low": 0.68, "high": 0.72},
]
NEEDS = [
    {"column": "age", "lost": 0.05, "low": 0.03, "high": 0.07, "droppable": False},
    {"column": "sex", "lost": 0.001, "low": -0.002, "high": 0.004, "droppable": True},
    {"column": "ethnicity", "lost": 0.004, "low": -0.002, "high": 0.010, "droppable": False},
]


def inquiry(topic: str, plan: str, **content: object) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "inquiry",
        "plan": plan,
        "topic": topic,
        "at": "2026-05-03T15:00:00+00:00",
        **content,
    }


def curves(plan: str) -> list[dict[str, Any]]:
    return [
        inquiry("curve/columns", plan, data={"points": POINTS, "needs": NEEDS, "margin": 0.005}),
        inquiry(
            "profile",
            plan,
            data={
                "columns": {"age": {"filled": 0.97}},
                "people": {"band": "1,000 to 5,000", "records_p50": 1, "records_p95": 4},
                "subjects": {"victim": "about 610", "witness": "under 10"},
            },
        ),
    ]


@pytest.fixture
def material(build_evidence: BuildEvidence) -> Callable[..., Material]:
    """Material of invented evidence; figures are not drawn unless asked for."""

    def made(
        kind: str = "binary-outcome",
        *,
        inquiries: bool = True,
        header: dict[str, object] | None = None,
        **given: object,
    ) -> Material:
        path = build_evidence(kind=kind, **(header or {}))
        if inquiries:
            for line in curves(load(path).header.plan):
                append(path, line)
        facts = {
            "governance": Governance(submitted=date(2019, 10, 24)),
            "plan": "plan.toml",
            "draw": False,
        }
        return Material(comparison=Comparison(load(path)), **(facts | given))

    return made


@pytest.fixture
def document(material: Callable[..., Material]) -> Callable[..., Document]:
    """A pack's content."""
    return lambda *args, **given: build(material(*args, **given))


@pytest.fixture
def pack(material: Callable[..., Material], tmp_path: Path) -> Callable[..., Path]:
    """A written pack; returns its folder."""

    def written(
        kind: str = "binary-outcome", *, key: ActorKey | None = None, **given: object
    ) -> Path:
        made = material(kind, **given)
        out = tmp_path / "pack"
        runs = (tmp_path / f"{kind}.jsonl").read_bytes()
        folder.write(out, build(made), made, runs=runs, key=key)
        return out

    return written
