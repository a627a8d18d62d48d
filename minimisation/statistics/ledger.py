"""The privacy ledger of one force: reserve, start, commit, in one SQLite file that processes share.

A reservation is charged from the moment it is written, so a crash, an error or a timeout is never
free. Only a reservation whose mechanism has not started can be cancelled, as when another force
refused. Lines are chained (`chain`), so that none can be changed or taken back unseen.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from minimisation.contract.errors import BudgetExceededError, StoreError
from minimisation.statistics.accounting import Account, Amount, Spend
from minimisation.statistics.chain import Chain

Period: TypeAlias = Literal["week", "month", "year"]
State: TypeAlias = Literal["reserved", "started", "committed", "cancelled"]

COLUMNS = {
    "state": "text",
    "reservation": "integer",
    "purpose": "text",
    "analyst": "text",
    "period": "text",
    "units": "integer",
    "delta": "integer",
    "request": "text",
    "at": "text",
}
TABLES = (
    "create table if not exists line (number integer primary key, hash text not null, "
    + ", ".join(f"{name} {kind} not null" for name, kind in COLUMNS.items())
    + ") strict",
    "create table if not exists release (request text primary key, body blob not null) strict",
)


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Budget set aside for one request."""

    number: int
    """Line of the ledger that set it aside."""
    request: str
    """Keyed digest of the request."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One force's ledger: accounts per purpose and analyst, and a cap over all of them."""

    path: Path
    """The SQLite file; its anchor lies beside it."""
    key: bytes = field(repr=False)
    """Keys the hash chain; held by the force alone."""
    cap: Account
    """Budget of a period across all purposes and analysts."""
    period: Period = "year"
    """How long a budget lasts."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """What time it is, in UTC."""

    def reserve(
        self, account: Account, spend: Spend, *, purpose: str, analyst: str, request: str
    ) -> Reservation:
        """Set budget aside before anything runs; charged from now on.

        Args:
            account: budget of this purpose and analyst.
            spend: loss of the request.
            purpose: use case.
            analyst: who asks.
            request: everything that fixes the release, snapshot included, as one text.

        Raises:
            BudgetExceededError: if the account or the force's cap does not cover it.
            StoreError: if the ledger or the clock was turned back.
        """
        if account.accountant != self.cap.accountant:
            raise ValueError(f"accountant ({account.accountant}) must be the force's own")
        cost = account.cost(spend)
        with self._chain.transaction() as connection:
            at = self._now(connection)
            now = self._period(at)
            own = self._spent(connection, now, purpose=purpose, analyst=analyst)
            if not (own + cost).within(account.capacity):
                self._refuse(account, f"analyst '{analyst}' for '{purpose}'")
            if not (self._spent(connection, now) + cost).within(self.cap.capacity):
                self._refuse(self.cap, "force")
            digest = self._chain.digest(request)
            number = self._chain.next_number(connection)
            amounts = (cost.units, cost.delta)
            self._chain.append(
                connection,
                ("reserved", number, purpose, analyst, now, *amounts, digest, at.isoformat()),
            )
        return Reservation(number=number, request=digest)

    def start(self, reservation: Reservation) -> None:
        """Note that the mechanism is about to run; from now on nothing is given back.

        Raises:
            StoreError: if it was not reserved, or was started or cancelled before.
        """
        self._follow(reservation, "started", after="reserved")

    def cancel(self, reservation: Reservation) -> None:
        """Give back a reservation of which nothing has run.

        Raises:
            StoreError: if its mechanism has started.
        """
        self._follow(reservation, "cancelled", after="reserved")

    def commit(self, reservation: Reservation, release: bytes) -> None:
        """Note that the release was made, and keep it for identical requests.

        Raises:
            StoreError: if its mechanism has not started.
        """
        self._follow(reservation, "committed", after="started", release=release)

    def cached(self, request: str) -> bytes | None:
        """The release of an identical request, byte for byte, at no cost; None if there is none."""
        with self._chain.transaction() as connection:
            row = connection.execute(
                "select body from release where request = ?", [self._chain.digest(request)]
            ).fetchone()
        return None if row is None else bytes(row[0])

    def spent(self, *, purpose: str | None = None, analyst: str | None = None) -> Amount:
        """What this period has cost so far; all purposes and analysts where none is named."""
        with self._chain.transaction() as connection:
            now = self._period(self._now(connection))
            return self._spent(connection, now, purpose=purpose, analyst=analyst)

    def spent_in_year(self, year: int) -> Amount:
        """What all periods of a year have cost together: weekly releases compose."""
        with self._chain.transaction() as connection:
            return self._spent(connection, f"{year}%")

    def verify(self) -> int:
        """Check every line against the chain; returns the lines checked.

        Raises:
            StoreError: naming the first line that was changed, removed or added.
        """
        return self._chain.verify()

    @property
    def _chain(self) -> Chain:
        return Chain(path=self.path, key=self.key, columns=tuple(COLUMNS), tables=TABLES)

    def _follow(
        self, reservation: Reservation, state: State, *, after: State, release: bytes | None = None
    ) -> None:
        with self._chain.transaction() as connection:
            lines = connection.execute(
                "select state, purpose, analyst, period, units, delta, request from line"
                " where reservation = ? order by number",
                [reservation.number],
            ).fetchall()
            if not lines or lines[-1][0] != after or lines[0][6] != reservation.request:
                found = lines[-1][0] if lines else "unknown"
                raise StoreError(f"reservation must be {after} to become {state}; it is {found}")
            _, purpose, analyst, period, units, delta, request = lines[0]
            given_back = (-units, -delta) if state == "cancelled" else (0, 0)
            own = (state, reservation.number, purpose, analyst, period)
            at = self._now(connection).isoformat()
            self._chain.append(connection, (*own, *given_back, request, at))
            if release is not None:
                connection.execute(
                    "insert or ignore into release values (?, ?)", [request, release]
                )

    def _spent(
        self,
        connection: sqlite3.Connection,
        period: str,
        *,
        purpose: str | None = None,
        analyst: str | None = None,
    ) -> Amount:
        row = connection.execute(
            "select coalesce(sum(units), 0), coalesce(sum(delta), 0) from line where"
            " period like ?1 and (?2 is null or purpose = ?2) and (?3 is null or analyst = ?3)",
            [period, purpose, analyst],
        ).fetchone()
        return Amount(units=int(row[0]), delta=int(row[1]))

    def _now(self, connection: sqlite3.Connection) -> datetime:
        now = self.clock().astimezone(UTC)
        last = connection.execute("select at from line order by number desc limit 1").fetchone()
        if last is not None and now < datetime.fromisoformat(last[0]):
            raise StoreError("the clock must not be before the ledger's last line; set it right")
        return now

    def _period(self, at: datetime) -> str:
        year, week, _ = at.isocalendar()
        names = {"week": f"{year}-W{week:02d}", "month": f"{at:%Y-%m}", "year": f"{at:%Y}"}
        return names[self.period]

    def _refuse(self, account: Account, whose: str) -> None:
        msg = f"epsilon must be within the budget of the {self.period} ({account.epsilon:g}) of the"
        raise BudgetExceededError(f"{msg} {whose}; nothing was run or spent")
