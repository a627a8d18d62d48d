"""CTGAN: a generative network trained inside each force on cell numbers.

Xu, Skoularidou, Cuesta-Infante and Veeramachaneni 2019, Modeling Tabular Data using Conditional
GAN.
"""

from dataclasses import dataclass
from typing import ClassVar

from synthetic.networks import TrainedNetwork
from synthetic.sdv_networks import Network


@dataclass(frozen=True, kw_only=True)
class GenerativeNetwork(TrainedNetwork):
    """Synthetic rows from SDV's CTGAN, trained inside each force on its own members."""

    epochs: int = 100
    name: str = "generative-network"
    summary: str = "Synthetic rows sampled from a network (CTGAN) trained inside each force."
    network: ClassVar[Network] = "CTGAN"
    step: ClassVar[str] = "train-network"
