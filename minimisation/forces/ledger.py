"""A force's privacy budget for one purpose, as its boundary charges it.

Reserve first, then run; a reservation is not refunded once the mechanism may have run. With a book
every charge is also entered in the force's own chained log, which other processes and later years
share, and the book decides what the budget covers; without one the budget is this process's alone.
"""

from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from minimisation.contract.privacy import PrivacyLoss


class Charge(Protocol):
    """One charge as it was entered in a book."""

    def start(self) -> None:
        """The mechanism is about to run: nothing is given back from now on."""

    def cancel(self) -> None:
        """Nothing has run: the charge is given back."""

    def commit(self) -> None:
        """The mechanism has run."""


class Book(Protocol):
    """Where charges are entered for good."""

    def charge(self, loss: PrivacyLoss, what: str) -> Charge | None:
        """Enter a loss before anything runs; None if the budget does not cover it.

        Args:
            loss: what the mechanism costs.
            what: the step, for readers of the book.
        """


@dataclass
class Ledger:
    """Basic composition of the losses charged to one account (Dwork and Roth 2014, thm 3.16)."""

    epsilon: float
    """Budget of the period."""
    delta: float
    """Delta budget of the period."""
    spent: list[PrivacyLoss] = field(default_factory=list)
    """Losses that this process reserved or committed, in order."""
    lock: Lock = field(default_factory=Lock, repr=False)
    """Two runs racing for the last of the budget must not both win."""
    book: Book | None = None
    """The force's own book; it decides instead of the figures above."""
    _charges: list[Charge | None] = field(default_factory=list, repr=False)

    def reserve(self, loss: PrivacyLoss, what: str = "") -> bool:
        """Set the loss aside before anything runs; False if the budget does not cover it."""
        with self.lock:
            charge = None
            if self.book is not None:
                charge = self.book.charge(loss, what)
                if charge is None:
                    return False
            elif not self._covers(loss):
                return False
            self.spent.append(loss)
            self._charges.append(charge)
            return True

    def start(self, loss: PrivacyLoss) -> None:
        """Note that the mechanism is about to run."""
        if (charge := self._charge(loss)) is not None:
            charge.start()

    def commit(self, loss: PrivacyLoss) -> None:
        """Note that the mechanism has run."""
        if (charge := self._charge(loss)) is not None:
            charge.commit()

    def cancel(self, loss: PrivacyLoss) -> None:
        """Undo a reservation of which nothing has run, because another force refused."""
        charge = self._charge(loss)
        with self.lock:
            place = self._place(loss)
            del self.spent[place], self._charges[place]
        if charge is not None:
            charge.cancel()

    def _covers(self, loss: PrivacyLoss) -> bool:
        epsilon = sum(entry.epsilon for entry in self.spent) + loss.epsilon
        delta = sum(entry.delta for entry in self.spent) + loss.delta
        tolerance = 1 + 1e-12
        return epsilon <= self.epsilon * tolerance and delta <= self.delta * tolerance

    def _charge(self, loss: PrivacyLoss) -> Charge | None:
        with self.lock:
            return self._charges[self._place(loss)]

    def _place(self, loss: PrivacyLoss) -> int:
        # the newest: of equal losses the one before has ended when the next is charged
        return len(self.spent) - 1 - self.spent[::-1].index(loss)
