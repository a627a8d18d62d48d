"""The demonstration's plans: one per kind of question, on the same invented forces."""

from pathlib import Path

from sandbox.use_case_files import shipped

PLAN = """\
# Written by `sandbox demo`. Invented people and forces: SYNTHETIC.
title = "{title}"
use_case = "{use_case}"
repeats = {repeats}
seed = 1
held_out = 0.3

[data]
status = "demo"

[data.demo]
people = {people}
seed = 1

[attacks]
set = "quick"
"""

STUDIES = {
    "serious-violence": "Serious violence (SYNTHETIC demonstration)",
    "stop-search": "Stop and search (SYNTHETIC demonstration)",
}
"""Use case → title: a binary outcome and grouped statistics."""


def demo_plans(workspace: Path, *, people: int, repeats: int) -> list[Path]:
    """Write the demonstration's plans into the workspace.

    Args:
        workspace: the folder of the demonstration.
        people: invented people over all forces.
        repeats: repeats of every option.

    Returns:
        Paths of the plans.
    """
    missing = set(STUDIES) - set(shipped())
    if missing:
        raise ValueError(f"use cases ({', '.join(missing)}) must be shipped")
    workspace.mkdir(parents=True, exist_ok=True)
    paths = []
    for use_case, title in STUDIES.items():
        path = workspace / f"{use_case}.toml"
        text = PLAN.format(title=title, use_case=use_case, people=people, repeats=repeats)
        path.write_text(text, "utf-8")
        paths.append(path)
    return paths
