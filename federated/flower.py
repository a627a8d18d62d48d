"""Where Flower is imported: it keeps the engine quiet, offline and out of home folders.

Only `federated.runner` imports more of it, inner parts that have no public name.
Flower reads its switches from the environment when it is imported, so they are set here first.
Beutel et al. 2020, Flower: A Friendly Federated Learning Framework.
"""

import logging
import os

from minimisation import MissingEngineError

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
os.environ.setdefault("FLWR_LOG_LEVEL", "ERROR")

try:
    from flwr.app import (
        Array,
        ArrayRecord,
        ConfigRecord,
        Context,
        Error,
        Message,
        MessageType,
        MetricRecord,
        RecordDict,
    )
    from flwr.app.exception import AppExitException
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import (
        FedAdam,
        FedAvg,
        FedAvgM,
        FedMedian,
        FedTrimmedAvg,
        FedXgbBagging,
        Krum,
        Result,
        Strategy,
    )
    from flwr.supercore.run import Run
    from flwr.supercore.task_identity import TaskIdentity
except ModuleNotFoundError as error:
    raise MissingEngineError(
        "flwr must be installed: pip install 'minimisation-sandbox[federated]'"
    ) from error

logging.getLogger("flwr").setLevel(os.environ["FLWR_LOG_LEVEL"].upper())

__all__ = [
    "AppExitException",
    "Array",
    "ArrayRecord",
    "ClientApp",
    "ConfigRecord",
    "Context",
    "Error",
    "FedAdam",
    "FedAvg",
    "FedAvgM",
    "FedMedian",
    "FedTrimmedAvg",
    "FedXgbBagging",
    "Grid",
    "Krum",
    "Message",
    "MessageType",
    "MetricRecord",
    "RecordDict",
    "Result",
    "Run",
    "ServerApp",
    "Strategy",
    "TaskIdentity",
]
