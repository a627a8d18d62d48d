"""The Flower ServerApp: fits one model over the named forces and writes it as plain numbers."""

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from federated.averaging import FederatedAveraging
from federated.flower import Context, Grid, ServerApp
from federated.grid import Steps
from federated.newton import FederatedNewton
from federated.node_grid import NodeGrid
from federated.private_training import FederatedPrivate
from federated.trees import FederatedTrees
from minimisation import PolicyError, UseCase

app = ServerApp()

Fitted: TypeAlias = FederatedNewton | FederatedAveraging | FederatedPrivate | FederatedTrees

OPTIONS: Mapping[str, type[Fitted]] = {
    kind.name: kind
    for kind in (FederatedNewton, FederatedAveraging, FederatedPrivate, FederatedTrees)
}
"""What can be fitted on machines of the forces' own."""


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Fit.

    The run's configuration: `forces` (names, separated by commas), `option`, `parameters` (JSON),
    `seed`, `use-case` (`package.module:function`, called with the configuration, of which it reads
    `plan` and `workspace`), `result` (a file) and `checkpoint` (a file from which private training
    goes on; empty for none).

    Raises:
        PolicyError: if an entry is missing or unknown, or a force did not take part.
    """
    config = context.run_config
    names = tuple(str(config["forces"]).split(","))
    if config["option"] not in OPTIONS:
        raise PolicyError(f"option ({config['option']}) must be one of: {', '.join(OPTIONS)}")
    option = OPTIONS[str(config["option"])](**json.loads(str(config["parameters"])))
    use_case = _use_case(config)

    def connect(steps: Steps) -> Grid:
        return NodeGrid(inner=grid, names=names, steps=steps)

    found: dict[str, Any] = {"option": option.name}
    if isinstance(option, FederatedTrees):
        found |= json.loads(option.fit(connect, use_case, names).as_json())
    elif isinstance(option, FederatedNewton):
        found["coefficients"] = option.fit(connect, use_case, names).coefficients.tolist()
    elif isinstance(option, FederatedAveraging):
        seed = int(str(config["seed"]))
        found["coefficients"] = option.fit(connect, use_case, seed).tolist()
    else:
        checkpoint = Path(str(config["checkpoint"])) if config.get("checkpoint") else None
        models = option.fit(connect, use_case, checkpoint)
        found["coefficients"] = option.average(models).tolist()
        found |= {"rounds": len(models)} | _claim(option, len(models))
    Path(str(config["result"])).write_text(json.dumps(found), "utf-8")


def _claim(option: FederatedPrivate, rounds: int) -> dict[str, float]:
    """What a person can have lost in one force.

    A round that one force could not pay for may have been run, and charged, in others.
    """
    charged = min(rounds + 1, option.rounds)
    return {"epsilon": option.plan().epsilon(charged), "delta": option.delta}


def _use_case(config: Mapping[str, Any]) -> UseCase:
    module, _, name = str(config["use-case"]).partition(":")
    make: Callable[[Mapping[str, Any]], UseCase] = getattr(importlib.import_module(module), name)
    return make(config)
