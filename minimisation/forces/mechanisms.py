"""The registry of private mechanisms: steps whose cost the boundary computes and charges.

An option cannot state what it costs. It can only ask for a registered mechanism, and the
mechanism's own code derives its loss from public parameters.
"""

from typing import TypeVar, cast

from minimisation.contract.privacy import PrivacyLoss
from minimisation.contract.steps import PrivateMechanism, Step
from minimisation.contract.usecase import UseCase

_registered: set[type] = set()

Mechanism = TypeVar("Mechanism", bound=type[PrivateMechanism])


def private_mechanism(mechanism: Mechanism) -> Mechanism:
    """Class decorator: have the boundary charge this step for its privacy loss."""
    _registered.add(mechanism)
    return mechanism


def loss_of(step: Step, use_case: UseCase) -> PrivacyLoss | None:
    """What running the step once costs one force; None if it gives no formal guarantee."""
    if type(step) not in _registered:
        return None
    return cast("PrivateMechanism", step).loss(use_case)
