"""A federated round on nodes of their own: TLS, node keys, one process per force, on loopback.

One run is one whole order to the server: the app starts on the server and, every round, on every
node, as Flower does it. Starting server and nodes is apart, among the figures.
"""

import atexit
import contextlib
import json
import time
from pathlib import Path

from benchmarks.measuring import Trial
from benchmarks.setting import Setting
from federated import FederatedAveraging
from federated.deployment import Loopback
from federated.grid import in_process
from federated.orders import digests
from minimisation import Forces
from sandbox.study import Study

ROUNDS = 3
USE_CASE = "serious-violence"


def trial(setting: Setting, path: Path) -> Trial:
    """Train for some rounds, in turn with the same training in this process."""
    study = Study(plan_path=path / f"{USE_CASE}.toml", workspace=path)
    names = tuple(study.stores)[: int(setting.parameters["forces"])]
    stack = contextlib.ExitStack()
    atexit.register(stack.close)  # open until this process ends
    start = time.perf_counter()
    federation = stack.enter_context(federation_of(study, names))
    started = time.perf_counter() - start
    members = tuple(force for force in study.forces().members if force.name in names)
    everybody = Forces(members=members, use_case=study.plan.use_case, split=study.split)
    forces = stack.enter_context(everybody)
    option = FederatedAveraging(rounds=ROUNDS)
    order: dict[str, str | int] = {
        "forces": ",".join(names),
        "option": option.name,
        "parameters": json.dumps({"rounds": ROUNDS}),
        "seed": 1,
        "use-case": "sandbox.force_node:use_case",
        "plan": str(study.plan_path),
        "workspace": str(study.workspace),
        "result": str(federation.folder / "result.json"),
    }
    return Trial(
        run=lambda: federation.run(order),
        baseline=lambda: option.fit(in_process(forces), forces.use_case, 1),
        figures=lambda: {"rounds": ROUNDS, "start of server and nodes, seconds": started},
    )


def federation_of(study: Study, names: tuple[str, ...]) -> Loopback:
    """A server and a node per force, in a folder of this process's."""
    folder = Path.cwd() / "federation"
    folder.mkdir()
    approved = folder / "approved.json"
    approved.write_text(json.dumps(digests()), "utf-8")
    common = {
        "opener": "sandbox.force_node:node",
        "plan": str(study.plan_path),
        "workspace": str(study.workspace),
        "approved": str(approved),
    }
    return Loopback(folder=folder, nodes={name: common | {"force": name} for name in names})
