"""The Flower ServerApp: fits one model over the named forces and writes its coefficients."""

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from federated.averaging import FederatedAveraging
from federated.flower import Context, Grid, ServerApp
from federated.grid import Steps
from federated.newton import FederatedNewton
from federated.node_grid import NodeGrid
from minimisation import PolicyError, UseCase

app = ServerApp()

OPTIONS: Mapping[str, type[FederatedNewton] | type[FederatedAveraging]] = {
    FederatedNewton.name: FederatedNewton,
    FederatedAveraging.name: FederatedAveraging,
}
"""What can be fitted on machines of the forces' own."""


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Fit.

    The run's configuration: `forces` (names, separated by commas), `option`, `parameters` (JSON),
    `seed`, `use-case` (`package.module:function`), `plan` (its argument) and `result` (a file).

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

    if isinstance(option, FederatedNewton):
        coefficients = option.fit(connect, use_case, names).coefficients
    else:
        coefficients = option.fit(connect, use_case, int(str(config["seed"])))
    Path(str(config["result"])).write_text(json.dumps(coefficients.tolist()), "utf-8")


def _use_case(config: Mapping[str, Any]) -> UseCase:
    module, _, name = str(config["use-case"]).partition(":")
    make: Callable[[Mapping[str, Any]], UseCase] = getattr(importlib.import_module(module), name)
    return make(config)
