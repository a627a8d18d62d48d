"""Steps as text, so that a server can name one and a force's node can build it from its own code.

Only the classes listed here can be named, and only with plain values: an order carries no code.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

from federated.accounting import Rounds
from federated.averaging import LocalEpochs
from federated.layout import ClientStep
from federated.newton import NewtonSums
from federated.private_gradients import PrivateGradients, RepeatGradients
from federated.regressions import RegressionSums
from federated.secure_session import AcceptRoster, OfferKey, Session
from federated.secure_sum import MaskedSums, RevealMask
from federated.trees import TreeSums
from minimisation import PolicyError
from minimisation.forces.code_digest import code_digest

KNOWN: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        AcceptRoster,
        LocalEpochs,
        MaskedSums,
        NewtonSums,
        OfferKey,
        PrivateGradients,
        RegressionSums,
        RepeatGradients,
        RevealMask,
        Rounds,
        Session,
        TreeSums,
    )
}
"""Class name → class; whether a force runs a step is up to its policy."""

KIND = "kind"
"""Key of the class name in an order."""


def order_of(step: ClientStep) -> str:
    """A step as text.

    Raises:
        ValueError: if its class, or that of a value in it, is not listed.
    """
    return json.dumps(_plain(step), sort_keys=True)


def digests() -> dict[str, str]:
    """Class name → digest of its code as it is installed here, for a force to approve."""
    return {name: code_digest(kind) for name, kind in KNOWN.items()}


def step_of(order: str, approved: Mapping[str, str]) -> ClientStep:
    """The step that an order names.

    Args:
        order: the text.
        approved: class name → digest of the code that was approved.

    Raises:
        PolicyError: if the order is not one, names what this node does not know, or names a class
            whose code is not the code that was approved.
    """
    try:
        made = _made(json.loads(order), approved)
    except (ValueError, TypeError, KeyError) as error:
        raise PolicyError("an order must name a known step and its parameters") from error
    if not hasattr(made, "run"):
        raise PolicyError("an order must name a step")
    return cast("ClientStep", made)


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON values
    if is_dataclass(value) and type(value).__name__ in KNOWN:
        given = {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.init}
        return {KIND: type(value).__name__} | given
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str | int | float):
        return value
    raise ValueError(f"step ({type(value).__name__}) must be made of known classes and values")


def _made(plain: Any, approved: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(plain, dict):
        kind = KNOWN[plain[KIND]]
        if approved.get(plain[KIND]) != code_digest(kind):
            raise PolicyError(f"the code of {plain[KIND]} must be the code that was approved")
        return kind(**{key: _made(value, approved) for key, value in plain.items() if key != KIND})
    if isinstance(plain, list):
        return tuple(_made(item, approved) for item in plain)
    return plain
