"""Opens one force of a study on its own node: what `sandbox federate` names to every node.

On machines of the forces' own each force writes such a function itself; see docs/deploying.md.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from federated.gate import Gate
from federated.node import Node
from federated.node_memory import NodeMemory
from minimisation import UseCase
from minimisation.forces.home import Home
from sandbox.study import Study


def study_of(settings: Mapping[str, Any]) -> Study:
    """The study that a configuration names by `plan` and `workspace`."""
    return Study(plan_path=Path(settings["plan"]), workspace=Path(settings["workspace"]))


def memory_of(home: Home) -> NodeMemory:
    """What a force's node must not forget, kept with the force's own records."""
    return NodeMemory(home.paths.root / "node-memory.db")


def node(settings: Mapping[str, Any]) -> Node:
    """The node of the configuration's `force`, which lets in code as `approved` (a file) has it."""
    study = study_of(settings)
    force = next(each for each in study.forces().members if each.name == settings["force"])
    force.memory = memory_of(study.stores[force.name])
    approved = json.loads(Path(settings["approved"]).read_text("utf-8"))
    return Node(
        force=force,
        use_case=study.plan.use_case,
        split=study.split,
        gate=Gate(approved=approved),
    )


def use_case(settings: Mapping[str, Any]) -> UseCase:
    """The study's use case, for the server."""
    return study_of(settings).plan.use_case
