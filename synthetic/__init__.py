"""Synthetic data: tables drawn from models fitted inside a force.

Importing this package loads no engine; a step loads the one it needs when it runs.
"""

from synthetic.aim import PrivateAdaptive
from synthetic.cart import SequentialTrees
from synthetic.copula import GaussianCopula
from synthetic.independent import IndependentColumns
from synthetic.mst import PrivateTree

OPTIONS = (IndependentColumns(), GaussianCopula(), SequentialTrees())
"""Options with default parameters, from the floor up, each done within seconds per force."""

ON_REQUEST = (PrivateTree(), PrivateAdaptive())
"""Options that take minutes over many forces: compared where a plan names them."""

__all__ = [
    "ON_REQUEST",
    "OPTIONS",
    "GaussianCopula",
    "IndependentColumns",
    "PrivateAdaptive",
    "PrivateTree",
    "SequentialTrees",
]
