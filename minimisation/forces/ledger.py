"""A force's privacy budget for one purpose.

Reserve first, then run; a reservation is not refunded once the mechanism may have run.
"""

from dataclasses import dataclass, field
from threading import Lock

from minimisation.contract.privacy import PrivacyLoss


@dataclass
class Ledger:
    """Basic composition of the losses charged to one account (Dwork and Roth 2014, thm 3.16)."""

    epsilon: float
    """Budget of the period."""
    delta: float
    """Delta budget of the period."""
    spent: list[PrivacyLoss] = field(default_factory=list)
    """Losses reserved or committed, in order."""
    lock: Lock = field(default_factory=Lock, repr=False)
    """Two runs racing for the last of the budget must not both win."""

    def reserve(self, loss: PrivacyLoss) -> bool:
        """Set the loss aside before anything runs; False if the budget does not cover it."""
        with self.lock:
            epsilon = sum(entry.epsilon for entry in self.spent) + loss.epsilon
            delta = sum(entry.delta for entry in self.spent) + loss.delta
            tolerance = 1 + 1e-12
            if epsilon > self.epsilon * tolerance or delta > self.delta * tolerance:
                return False
            self.spent.append(loss)
            return True

    def cancel(self, loss: PrivacyLoss) -> None:
        """Undo a reservation of which nothing has run, because another force refused."""
        with self.lock:
            self.spent.remove(loss)
