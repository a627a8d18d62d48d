"""Federated learning: models fitted across forces that never meet, on Flower.

Importing this package does not load Flower; an option loads it when it is applied.
"""

from federated.averaging import FederatedAveraging
from federated.forest import FederatedForest
from federated.moments import FederatedOneShot
from federated.newton import FederatedNewton
from federated.private_training import FederatedPrivate
from federated.trees import FederatedTrees
from minimisation import Option

OPTIONS: tuple[Option, ...] = (
    FederatedNewton(),
    FederatedAveraging(),
    FederatedPrivate(),
    FederatedOneShot(),
)
"""The options that a plan compares if it names none, with their default parameters."""

ON_REQUEST: tuple[Option, ...] = (FederatedForest(), FederatedTrees())
"""What takes long or needs an engine of its own: compared where a plan names it."""

__all__ = [
    "ON_REQUEST",
    "OPTIONS",
    "FederatedAveraging",
    "FederatedForest",
    "FederatedNewton",
    "FederatedOneShot",
    "FederatedPrivate",
    "FederatedTrees",
]
