"""Federated learning: models fitted across forces that never meet, on Flower.

Importing this package does not load Flower; an option loads it when it is applied.
"""

from federated.averaging import FederatedAveraging
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
    FederatedTrees(),
)
"""Every option of this package with its default parameters."""

__all__ = [
    "OPTIONS",
    "FederatedAveraging",
    "FederatedNewton",
    "FederatedOneShot",
    "FederatedPrivate",
    "FederatedTrees",
]
