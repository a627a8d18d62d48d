"""TVAE: a variational autoencoder trained inside each force on cell numbers.

Xu, Skoularidou, Cuesta-Infante and Veeramachaneni 2019, Modeling Tabular Data using Conditional
GAN, section 4.4.
"""

from dataclasses import dataclass
from typing import ClassVar

from synthetic.networks import TrainedNetwork
from synthetic.sdv_networks import Network


@dataclass(frozen=True, kw_only=True)
class VariationalAutoencoder(TrainedNetwork):
    """Synthetic rows from SDV's TVAE, trained inside each force on its own members."""

    epochs: int = 300
    name: str = "variational-autoencoder"
    summary: str = "Synthetic rows sampled from an autoencoder (TVAE) trained inside each force."
    network: ClassVar[Network] = "TVAE"
    step: ClassVar[str] = "train-autoencoder"
