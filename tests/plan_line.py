"""The line with which an evidence file begins: an invented plan, SYNTHETIC."""

from typing import Any

PLAN: dict[str, Any] = {
    "schema": 1,
    "kind": "plan",
    "plan": "aa11",
    "title": "A question",
    "use_case": {
        "name": "toy",
        "title": "A question",
        "unit": "person",
        "question": {"kind": "binary-outcome", "target": "y", "features": ["age"]},
    },
    "floor": {"measure": "auc", "value": 0.7, "direction": "at_least"},
    "repeats": 2,
    "data_status": "demo",
    "at": "2026-01-01T10:00:00+00:00",
}
