"""Synthetic data: tables drawn from models fitted inside a force.

Importing this package loads no engine; a step loads the one it needs when it runs.
"""

from synthetic.aim import PrivateAdaptive
from synthetic.cart import SequentialTrees
from synthetic.cleared_margins import ClearedMargins
from synthetic.copula import GaussianCopula
from synthetic.ctgan import GenerativeNetwork
from synthetic.federated_margins import FederatedMargins
from synthetic.independent import IndependentColumns
from synthetic.linked_persons import LinkedPersons
from synthetic.mst import PrivateTree
from synthetic.private_persons import PrivatePersons
from synthetic.tvae import VariationalAutoencoder

OPTIONS = (IndependentColumns(), GaussianCopula(), SequentialTrees(), ClearedMargins())
"""Options with default parameters, from the floor up, each done within seconds per force."""

ON_REQUEST = (
    PrivateTree(),
    PrivateAdaptive(),
    FederatedMargins(),
    GenerativeNetwork(),
    VariationalAutoencoder(),
    LinkedPersons(),
    PrivatePersons(),
)
"""Options that take longer or need a further engine: compared where a plan names them."""

__all__ = [
    "ON_REQUEST",
    "OPTIONS",
    "ClearedMargins",
    "FederatedMargins",
    "GaussianCopula",
    "GenerativeNetwork",
    "IndependentColumns",
    "LinkedPersons",
    "PrivateAdaptive",
    "PrivatePersons",
    "PrivateTree",
    "SequentialTrees",
    "VariationalAutoencoder",
]
