"""The privacy ledger of one force: reserve, start, commit, in one SQLite file that processes share.

A reservation is charged from the moment it is written, so a crash, an error or a timeout is never
free. Only a reservation whose mechanism has not started can be cancelled, as when another force
refused. Each line carries a keyed hash of the line before; the newest is also kept in an anchor
file beside, so that a ledger restored from an old copy is noticed. Restoring both is not.
"""

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from minimisation.contract.errors import BudgetExceededError, StoreError
from minimisation.statistics.accounting import Account, Amount, Spend

Period: TypeAlias = Literal["week", "month", "year"]
State: TypeAlias = Literal["reserved", "started", "committed", "cancelled"]

SCHEMA = """
create table if not exists line (
    number integer primary key,
    state text not null,
    reservation integer not null,
    purpose text not null,
    analyst text not null,
    period text not null,
    units integer not null,
    delta integer not null,
    request text not null,
    at text not null,
    hash text not null
) strict;
create table if not exists release (request text primary key, body blob not null) strict;
"""
COLUMNS = "state, reservation, purpose, analyst, period, units, delta, request, at"
START = "0" * 64


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
        with self._open() as connection:
            at = self._now(connection)
            now = self._period(at)
            own = self._spent(connection, now, purpose=purpose, analyst=analyst)
            if not (own + cost).within(account.capacity):
                self._refuse(account, f"analyst '{analyst}' for '{purpose}'")
            if not (self._spent(connection, now) + cost).within(self.cap.capacity):
                self._refuse(self.cap, "force")
            digest = self._digest(request)
            number = self._append(
                connection, "reserved", 0, purpose, analyst, now, cost, digest, at
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
        with self._open() as connection:
            row = connection.execute(
                "select body from release where request = ?", [self._digest(request)]
            ).fetchone()
        return None if row is None else bytes(row[0])

    def spent(self, *, purpose: str | None = None, analyst: str | None = None) -> Amount:
        """What this period has cost so far; all purposes and analysts where none is named."""
        with self._open() as connection:
            now = self._period(self._now(connection))
            return self._spent(connection, now, purpose=purpose, analyst=analyst)

    def spent_in_year(self, year: int) -> Amount:
        """What all periods of a year have cost together: weekly releases compose."""
        with self._open() as connection:
            return self._spent(connection, f"{year}%")

    def verify(self) -> int:
        """Recompute the whole chain and compare it with the anchor; returns the lines checked.

        Raises:
            StoreError: naming the first line that was changed, removed or added.
        """
        with self._open() as connection:
            previous, count = START, 0
            rows = connection.execute(f"select number, hash, {COLUMNS} from line order by number")
            for number, written, *fields in rows:
                count += 1
                if number != count or written != self._hash(previous, fields):
                    raise StoreError(f"line {count} of the ledger must be as it was written")
                previous = written
        return count

    @property
    def anchor(self) -> Path:
        """File beside the ledger with the number and hash of its newest line."""
        return self.path.with_suffix(self.path.suffix + ".anchor")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction that no other process shares."""
        try:
            connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreError(f"the ledger cannot be opened ({type(error).__name__})") from None
        try:
            connection.execute("pragma synchronous = full")
            connection.execute("begin immediate")
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            self._check_anchor(connection)
            yield connection
            connection.execute("commit")
            self._write_anchor(connection)
        except sqlite3.Error as error:
            raise StoreError(f"the ledger cannot be used ({type(error).__name__})") from None
        finally:
            connection.close()

    def _check_anchor(self, connection: sqlite3.Connection) -> None:
        if not self.anchor.exists():
            if self._head(connection)[0]:
                raise StoreError("the ledger's anchor must lie beside it; it is missing")
            return
        number, digest = self.anchor.read_text("ascii").split()
        row = connection.execute("select hash from line where number = ?", [number]).fetchone()
        if number != "0" and (row is None or row[0] != digest):
            raise StoreError("the ledger must not be older than its anchor; it was turned back")

    def _write_anchor(self, connection: sqlite3.Connection) -> None:
        # inside a lock of its own, so that a slower process cannot put an older line back
        connection.execute("begin immediate")
        number, digest = self._head(connection)
        text = f"{number} {digest}"
        if not self.anchor.exists() or self.anchor.read_text("ascii") != text:
            fresh = self.anchor.with_suffix(".new")
            with fresh.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.anchor)
        connection.execute("commit")

    def _head(self, connection: sqlite3.Connection) -> tuple[int, str]:
        row = connection.execute(
            "select number, hash from line order by number desc limit 1"
        ).fetchone()
        return (0, START) if row is None else (int(row[0]), str(row[1]))

    def _append(  # noqa: PLR0913 - one argument per column
        self,
        connection: sqlite3.Connection,
        state: State,
        reservation: int,
        purpose: str,
        analyst: str,
        period: str,
        cost: Amount,
        request: str,
        at: datetime,
    ) -> int:
        number, previous = self._head(connection)
        number += 1
        fields: list[str | int] = [
            state,
            reservation or number,
            purpose,
            analyst,
            period,
            cost.units,
            cost.delta,
            request,
            at.isoformat(),
        ]
        connection.execute(
            f"insert into line (number, hash, {COLUMNS}) values (?, ?{', ?' * len(fields)})",
            [number, self._hash(previous, fields), *fields],
        )
        return number

    def _follow(
        self, reservation: Reservation, state: State, *, after: State, release: bytes | None = None
    ) -> None:
        with self._open() as connection:
            lines = connection.execute(
                "select state, purpose, analyst, period, units, delta, request from line"
                " where reservation = ? order by number",
                [reservation.number],
            ).fetchall()
            if not lines or lines[-1][0] != after or lines[0][6] != reservation.request:
                found = lines[-1][0] if lines else "unknown"
                raise StoreError(f"reservation must be {after} to become {state}; it is {found}")
            _, purpose, analyst, period, units, delta, request = lines[0]
            cancelled = state == "cancelled"
            cost = Amount(units=-units * cancelled, delta=-delta * cancelled)
            at = self._now(connection)
            self._append(
                connection, state, reservation.number, purpose, analyst, period, cost, request, at
            )
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
            "select coalesce(sum(units), 0), coalesce(sum(delta), 0) from line"
            " where period like ?1 and (?2 is null or purpose = ?2) and (?3 is null or analyst = ?3)",
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

    def _digest(self, request: str) -> str:
        return hmac.new(self.key, b"request|" + request.encode(), hashlib.sha256).hexdigest()

    def _hash(self, previous: str, fields: list[str | int]) -> str:
        text = json.dumps([previous, *fields], separators=(",", ":"))
        return hmac.new(self.key, b"line|" + text.encode(), hashlib.sha256).hexdigest()

    def _refuse(self, account: Account, whose: str) -> None:
        msg = f"epsilon must be within the budget of the {self.period} ({account.epsilon:g}) of the"
        raise BudgetExceededError(f"{msg} {whose}; nothing was run or spent")
