"""The privacy ledger of one force: reserve, start, commit, in the force's own chained log.

A reservation is charged from the moment it is written, so a crash, an error or a timeout is never
free. Only a reservation whose mechanism has not started can be cancelled, as when another force
refused. The log (`forces.log`) is shared by processes and shows what was changed, cut off or
restored. Repeats and attacks, whose results stay in controlled access, are entered as assessments:
they are counted and capped in number, and are no part of what is released.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from minimisation.contract.errors import BudgetExceededError, StoreError
from minimisation.forces.log import Log
from minimisation.forces.policy import Period
from minimisation.statistics.accounting import NOTHING, Account, Amount, Spend

State: TypeAlias = Literal["reserved", "started", "committed", "cancelled", "assessed", "shown"]
Entry: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Budget set aside for one request."""

    number: int
    """Place in the log of the entry that set it aside."""
    request: str
    """Keyed digest of the request."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One force's ledger: accounts per purpose and analyst, and a cap over all of them."""

    log: Log
    """The force's chained log of budgets."""
    releases: Path
    """Folder in which releases are kept for identical requests; each is sealed by the log."""
    cap: Account | None = None
    """Budget across all purposes and analysts; None: a purpose's own budget is that of all its
    analysts together."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """What time it is, in UTC."""

    def reserve(  # noqa: PLR0913 - what an entry consists of
        self,
        account: Account,
        spend: Spend,
        *,
        purpose: str,
        analyst: str,
        request: str,
        what: str = "",
    ) -> Reservation:
        """Set budget aside before anything runs; charged from now on.

        Args:
            account: budget of this purpose and analyst.
            spend: loss of the request.
            purpose: use case.
            analyst: who asks.
            request: everything that fixes the release, snapshot included, as one text.
            what: the request in words, for readers of the log.

        Raises:
            BudgetExceededError: if the account or the force's cap does not cover it.
            StoreError: if the ledger or the clock was turned back.
        """
        cost, digest = spend.amount, self._digest(request)
        with self.log.writing() as writer:
            entries = writer.entries()
            at = self._now(entries)

            def refuse_beyond(limit: Account, whose: str, **scope: str) -> None:
                _refuse_lost(entries, at, limit.period)
                if not limit.covers(_spent(entries, (at, limit.period), **scope) + cost):
                    msg = f"epsilon must be within the budget of the {limit.period}"
                    msg += f" ({limit.epsilon:g}) of the {whose}"
                    raise BudgetExceededError(f"{msg}; nothing was run or spent")

            own = f"analyst '{analyst}' for '{purpose}'"
            refuse_beyond(account, own, purpose=purpose, analyst=analyst)
            if self.cap is None:
                refuse_beyond(account, f"purpose '{purpose}', all analysts", purpose=purpose)
            else:
                refuse_beyond(self.cap, "force, all purposes and analysts")
            own_words = {"state": "reserved", "purpose": purpose, "analyst": analyst, "what": what}
            paid = asdict(cost)
            number = writer.append({**own_words, **paid, "request": digest, "at": at.isoformat()})
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

    def commit(self, reservation: Reservation, release: bytes | None = None) -> None:
        """Note that the release was made, and keep it for identical requests if it is given.

        Raises:
            StoreError: if its mechanism has not started.
        """
        seal = ""
        if release is not None:
            self._keep(reservation.request, release)
            seal = hashlib.sha256(release).hexdigest()
        self._follow(reservation, "committed", after="started", release=seal)

    def cached(self, request: str) -> bytes | None:
        """The release of an identical request, byte for byte, at no cost; None if there is none.

        Raises:
            StoreError: if the ledger was turned back, or the release is not the one it sealed.
        """
        digest = self._digest(request)
        seals = [
            entry["release"]
            for entry in self.entries()
            if entry.get("state") == "committed" and entry["request"] == digest and entry["release"]
        ]
        path = self.releases / digest
        if not seals or not path.is_file():
            return None
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != seals[-1]:
            raise StoreError("a kept release must be the one that the ledger sealed; remove it")
        return body

    def assess(self, most: int, *, purpose: str, analyst: str, what: str) -> None:
        """Enter a run whose result stays in controlled access; it costs no budget.

        Args:
            most: runs that a purpose may have in a year.
            purpose: use case.
            analyst: who runs it.
            what: the run in words.

        Raises:
            BudgetExceededError: if there were as many already.
        """
        with self.log.writing() as writer:
            entries = writer.entries()
            at = self._now(entries)
            if _assessed(entries, at, purpose) >= most:
                msg = f"assessments of '{purpose}' in a year must be at most {most}"
                raise BudgetExceededError(f"{msg}; nothing was run")
            body = {"state": "assessed", "purpose": purpose, "analyst": analyst, "what": what}
            writer.append(body | {"at": at.isoformat()})

    def assessed(self, purpose: str) -> int:
        """Assessments of a purpose in this year so far."""
        entries = self.entries()
        return _assessed(entries, self._now(entries), purpose)

    def show(self, *, purpose: str, analyst: str, what: str) -> None:
        """Enter a table that is released without noise, so that later ones are checked against it.

        Args:
            purpose: use case.
            analyst: who asks.
            what: the query in the text form.
        """
        with self.log.writing() as writer:
            at = self._now(writer.entries()).isoformat()
            body = {"state": "shown", "purpose": purpose, "analyst": analyst, "what": what}
            writer.append(body | {"at": at})

    def shown(self, purpose: str) -> tuple[str, ...]:
        """Queries of a purpose whose tables were released without noise, each once."""
        texts = [
            entry["what"]
            for entry in self.entries()
            if entry.get("state") == "shown" and entry["purpose"] == purpose
        ]
        return tuple(dict.fromkeys(texts))

    def spent(
        self, period: Period = "year", *, purpose: str | None = None, analyst: str | None = None
    ) -> Amount:
        """What this period has cost so far; all purposes and analysts where none is named."""
        entries = self.entries()
        now = (self._now(entries), period)
        return _spent(entries, now, purpose=purpose, analyst=analyst)

    def charged(self, period: Period = "year", *, purpose: str | None = None) -> list[Amount]:
        """Every loss of this period, in the order in which they were charged."""
        entries = self.entries()
        now = (self._now(entries), period)
        return [_amount(entry) for entry in _charged(entries, now, purpose=purpose)]

    def entries(self) -> list[dict[str, Any]]:
        """All entries, of a log that ends where its anchor says.

        Raises:
            StoreError: if it was cut off, edited at its end, or restored from a copy.
        """
        with self.log.writing() as writer:
            return writer.entries()

    def verify(self) -> int:
        """Check every entry against the chain; returns how many there are.

        Raises:
            StoreError: naming the first entry that was changed or removed, or what is cut off.
        """
        return self.log.verify().count

    def _follow(self, reservation: Reservation, state: State, *, after: State, **more: str) -> None:
        with self.log.writing() as writer:
            entries = writer.entries()
            last = _last_state(entries, reservation)
            if last != after:
                raise StoreError(f"reservation must be {after} to become {state}; it is {last}")
            at = self._now(entries).isoformat()
            own = {"reservation": reservation.number, "request": reservation.request}
            writer.append({"state": state, "at": at} | own | more)

    def _keep(self, name: str, release: bytes) -> None:
        self.releases.mkdir(parents=True, exist_ok=True)
        fresh = self.releases / f"{name}.{os.getpid()}.partial"
        with fresh.open("wb") as file:
            file.write(release)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(0o600)
        fresh.replace(self.releases / name)

    def _digest(self, request: str) -> str:
        return hmac.new(self.log.key, b"request|" + request.encode(), hashlib.sha256).hexdigest()

    def _now(self, entries: list[dict[str, Any]]) -> datetime:
        now = self.clock().astimezone(UTC)
        if entries and now < datetime.fromisoformat(entries[-1]["at"]):
            raise StoreError("the clock must not be before the ledger's last entry; set it right")
        return now


@lru_cache(maxsize=4096)
def label(at: datetime, period: Period) -> str:
    """Name of the period that a time falls in: `2026-W07`, `2026-02` or `2026`."""
    year, week, _ = at.isocalendar()
    names = {"week": f"{year}-W{week:02d}", "month": f"{at:%Y-%m}", "year": f"{at:%Y}"}
    return names[period]


def _last_state(entries: Iterable[Entry], reservation: Reservation) -> str:
    found = "unknown"
    for entry in entries:
        own = entry.get("reservation", entry["place"])
        if own == reservation.number and entry.get("request") == reservation.request:
            found = entry["state"]
    return found


def _refuse_lost(entries: Iterable[Entry], at: datetime, period: Period) -> None:
    """What was lost with a log cannot be known, so a period with a loss counts as spent.

    Raises:
        BudgetExceededError: if a loss was accepted in this period.
    """
    for entry in entries:
        if "lost" in entry and label(datetime.fromisoformat(entry["at"]), period) == label(
            at, period
        ):
            raise BudgetExceededError(
                f"budget of the {period} counts as spent: entries of its ledger were lost"
            )


def _charged(
    entries: Iterable[Entry],
    now: tuple[datetime, Period],
    *,
    purpose: str | None = None,
    analyst: str | None = None,
) -> Iterator[Entry]:
    """Reservations of a period that were not given back."""
    at, period = now
    entries = list(entries)
    given_back = {each["reservation"] for each in entries if each.get("state") == "cancelled"}
    for entry in entries:
        if entry.get("state") != "reserved" or entry["place"] in given_back:
            continue
        mine = purpose in (None, entry["purpose"]) and analyst in (None, entry["analyst"])
        if mine and label(datetime.fromisoformat(entry["at"]), period) == label(at, period):
            yield entry


def _amount(entry: Entry) -> Amount:
    # ledgers that were begun earlier have no delta of the sum's own
    return Amount(
        rho=entry["rho"],
        epsilon=entry["epsilon"],
        delta=entry["delta"],
        basic_delta=entry.get("basic_delta", 0),
    )


def _spent(entries: Iterable[Entry], now: tuple[datetime, Period], **scope: str | None) -> Amount:
    return sum((_amount(entry) for entry in _charged(entries, now, **scope)), NOTHING)


def _assessed(entries: Iterable[Entry], at: datetime, purpose: str) -> int:
    return sum(
        entry.get("state") == "assessed"
        and entry["purpose"] == purpose
        and label(datetime.fromisoformat(entry["at"]), "year") == label(at, "year")
        for entry in entries
    )
