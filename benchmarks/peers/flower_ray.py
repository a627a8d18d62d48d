"""Flower's Ray simulation: federated averaging of the same logistic regression on the same rows."""

import importlib
import os
from pathlib import Path
from typing import Any

from benchmarks.measuring import Trial
from benchmarks.setting import Setting

ROUNDS, BATCH, RATE = 3, 256, 0.3


def trial(setting: Setting, path: Path) -> Trial:
    """Train for three rounds, in turn with the same descent on pooled rows in NumPy."""
    del path
    os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
    os.environ["FLWR_HOME"] = str(Path.cwd())
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    np = importlib.import_module("numpy")
    app, server = importlib.import_module("flwr.app"), importlib.import_module("flwr.serverapp")
    client = importlib.import_module("flwr.clientapp").ClientApp()
    simulation = importlib.import_module("flwr.simulation")
    strategies = importlib.import_module("flwr.serverapp.strategy")
    forces, size = (int(setting.parameters[name]) for name in ("forces", "parameters"))
    share = setting.rows // forces

    def people(rows: int, seed: int) -> tuple[Any, Any]:
        rng = np.random.default_rng(seed)
        numbers = rng.random((rows, size - 1))
        outcome = (rng.random(rows) < numbers.mean(axis=1)).astype(float)
        return np.column_stack([np.ones(rows), numbers]), outcome

    def descend(design: Any, outcome: Any, start: Any, rng: Any) -> Any:  # noqa: ANN401 - arrays
        current, order = start.copy(), rng.permutation(len(outcome))
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            chance = 1 / (1 + np.exp(-design[batch] @ current))
            current -= RATE * ((chance - outcome[batch]) @ design[batch]) / len(batch)
        return current

    @client.train()  # type: ignore[untyped-decorator]
    def train(message: Any, context: Any) -> Any:  # noqa: ANN401 - Flower's types
        place = int(context.node_config.get("partition-id", 0))
        start = message.content["arrays"].to_numpy_ndarrays()[0]
        found = descend(*people(share, place), start, np.random.default_rng(place))
        content = app.RecordDict(
            {
                "arrays": app.ArrayRecord([found]),
                "metrics": app.MetricRecord({"num-examples": share}),
            }
        )
        return app.Message(content, reply_to=message)

    main = server.ServerApp()

    @main.main()  # type: ignore[untyped-decorator]
    def serve(grid: Any, context: Any) -> None:  # noqa: ANN401 - as above
        del context
        strategy = strategies.FedAvg(
            fraction_evaluate=0.0, min_train_nodes=forces, min_available_nodes=forces
        )
        strategy.start(
            grid=grid, initial_arrays=app.ArrayRecord([np.zeros(size)]), num_rounds=ROUNDS
        )

    everybody = people(setting.rows, 0)

    def pooled() -> object:
        rng, found = np.random.default_rng(1), np.zeros(size)
        for _ in range(ROUNDS):
            found = descend(*everybody, found, rng)
        return found

    def run() -> object:
        return simulation.run_simulation(
            server_app=main,
            client_app=client,
            num_supernodes=forces,
            backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
        )

    return Trial(run=run, baseline=pooled, figures=lambda: {"rounds": ROUNDS})
