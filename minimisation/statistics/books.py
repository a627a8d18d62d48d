"""What the forces' door enters in a force's ledger: releases are charged, assessments are counted.

A mechanism that states a zero-concentrated loss is charged for that, and in the plain sum for its
(epsilon, delta). Of any other with delta above 0 no more is claimed than that it is a pure loss but
for delta (Bun and Steinke 2016, section 8).
"""

import secrets
from dataclasses import dataclass, field

from minimisation.contract.errors import BudgetExceededError
from minimisation.contract.privacy import PrivacyLoss
from minimisation.statistics.accounting import NOTHING, Account, Amount, Spend
from minimisation.statistics.ledger import Ledger, Reservation


@dataclass(frozen=True, kw_only=True)
class Charged:
    """A charge in the release account."""

    ledger: Ledger
    """Where it was entered."""
    reservation: Reservation
    """Its entry."""

    def start(self) -> None:
        """Note the start."""
        self.ledger.start(self.reservation)

    def cancel(self) -> None:
        """Give it back."""
        self.ledger.cancel(self.reservation)

    def commit(self) -> None:
        """Note the end."""
        self.ledger.commit(self.reservation)


@dataclass(frozen=True, kw_only=True)
class ReleaseBook:
    """The release account of one purpose and analyst: caps what leaves."""

    ledger: Ledger
    """The force's ledger."""
    account: Account
    """Budget of this purpose and analyst."""
    purpose: str
    """Use case."""
    analyst: str
    """Who asks."""

    def charge(self, loss: PrivacyLoss, what: str) -> Charged | None:
        """Enter a loss; None if the account or the force's cap does not cover it."""
        try:
            reservation = self.ledger.reserve(
                self.account,
                Spend.stated(loss),
                purpose=self.purpose,
                analyst=self.analyst,
                request=secrets.token_hex(),  # every run draws noise of its own
                what=what,
            )
        except BudgetExceededError:
            return None
        return Charged(ledger=self.ledger, reservation=reservation)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """An assessment; there is nothing to start, give back or end."""

    def start(self) -> None:
        """Nothing to note."""

    def cancel(self) -> None:
        """It stays counted."""

    def commit(self) -> None:
        """Nothing to note."""


@dataclass(kw_only=True)
class AssessmentBook:
    """The assessment account: repeats and attacks, which stay in controlled access."""

    ledger: Ledger
    """The force's ledger."""
    account: Account
    """Budget that one run must stay within, as the release it is a repeat of had to."""
    purpose: str
    """Use case."""
    analyst: str
    """Who runs it."""
    most: int
    """Runs with a private mechanism that may be made for assessment in a year."""
    run: Amount = field(default=NOTHING)
    """Losses of this run."""

    def charge(self, loss: PrivacyLoss, what: str) -> Counted | None:
        """Count a mechanism; None if the run is beyond the budget or there were too many.

        A run is entered in the ledger once, with its first mechanism.
        """
        total = self.run + Spend.stated(loss).amount
        if not self.account.covers(total):
            return None
        if self.run == NOTHING:
            try:
                self.ledger.assess(self.most, purpose=self.purpose, analyst=self.analyst, what=what)
            except BudgetExceededError:
                return None
        self.run = total
        return Counted()
