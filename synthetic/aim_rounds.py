"""AIM's rounds inside a force: a budget that cannot be overdrawn, and who is measured next.

McKenna, Mullins, Sheldon and Miklau 2022, AIM: An Adaptive and Iterative Mechanism for
Differentially Private Synthetic Data (algorithms 1 and 3), with all pairs of columns as the
workload.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from minimisation.statistics.noise import MARGIN
from synthetic import counting, mbi_engine, measured, modelled, selection
from synthetic.counting import Clique
from synthetic.margins import Cells, Codes
from synthetic.measured import Measured

MEASURE = 0.9
"""Share of a round's rho that the noise on its margin takes; the choice takes the rest."""

EXPECTED = math.sqrt(2 / math.pi)
"""Mean absolute value of standard normal noise."""


@dataclass
class Account:
    """The rho of one run, spent round by round; it cannot be overdrawn."""

    rho: float
    """What there is in all."""
    most: int
    """Rows that one person can add to a cell."""
    scale: float
    """Noise scale of the next measurement, for a sensitivity of 1."""
    spent: float = 0.0
    """What has been used."""

    @classmethod
    def open(cls, rho: float, rounds: int, most: int) -> "Account":
        """An account whose noise starts as if all of so many rounds were played."""
        return cls(rho=rho, most=most, scale=math.sqrt(rounds / (2 * MEASURE * rho)))

    @property
    def measurement(self) -> float:
        """Rho of one measurement at the present scale."""
        return 1 / (2 * self.scale**2)

    @property
    def choice(self) -> float:
        """Rho of one choice at the present scale."""
        return self.measurement * (1 - MEASURE) / MEASURE

    @property
    def left(self) -> float:
        """What is still there."""
        return self.rho - self.spent

    @property
    def open_still(self) -> bool:
        """Whether there is anything left to spend."""
        return self.left > self.rho * 1e-9

    def settle(self, *, last: bool = False) -> bool:
        """Make the next round the last one if two would not fit, or if told so.

        Returns:
            Whether any round is left.
        """
        if not self.open_still:
            return False
        if last or self.left < 2 * (self.measurement + self.choice):
            self.scale = math.sqrt(1 / (2 * MEASURE * self.left))
        return True

    def charge(self, rho: float) -> None:
        """Take rho.

        Raises:
            ValueError: if it is not there.
        """
        if rho > self.left * (1 + 1e-9):
            raise ValueError(f"rho ({rho:g}) must be within what is left of the budget")
        self.spent += rho


@dataclass(kw_only=True)
class Run:
    """One run of AIM inside a force."""

    cells: Sequence[Cells]
    """Columns."""
    exact: dict[Clique, Codes]
    """Exact counts, which never leave."""
    account: Account
    """The budget."""
    steps: int
    """Steps of a fit."""
    megabytes: float
    """Largest model."""
    seconds: float = math.inf
    """After this long the next round is the last one and takes all that is left."""
    stopped: bool = False
    """Whether rounds were left out for want of time."""
    ends: float = field(default=math.inf, init=False)
    """When the time is up, by the clock."""
    noisy: list[Measured] = field(default_factory=list)
    """What has been measured."""

    def play(self) -> list[Measured]:
        """Measure all columns, then choose, measure and fit until all is spent.

        The clock starts after the counting, so that it tells nothing about the people: from here
        on all that takes time depends on public sizes and on figures that are already private.
        """
        self.ends = time.monotonic() + self.seconds
        singles = counting.singles(self.cells)
        for single in singles:
            self._measure(single)
        model = self._fit(None)
        while self.account.open_still:
            late = time.monotonic() >= self.ends
            usual = self.account.left >= 2 * (self.account.measurement + self.account.choice)
            self.stopped = self.stopped or (late and usual)
            self.account.settle(last=late)
            clique = self._choose(model)
            before = self._expected(model, clique)
            self._measure(clique)
            if not self.account.open_still:
                break
            model = self._fit(model)
            self._anneal(clique, float(np.abs(self._expected(model, clique) - before).sum()))
        return self.noisy

    def _fit(self, start: mbi_engine.Model | None) -> mbi_engine.Model:
        left = self.ends - time.monotonic()
        return modelled.fit(self.cells, self.noisy, steps=self.steps, seconds=left, start=start)

    def _measure(self, clique: Clique) -> None:
        self.account.charge(self.account.measurement)
        scale = self.account.scale * self.account.most * MARGIN
        self.noisy += measured.measure({clique: self.exact[clique]}, scale)

    def _choose(self, model: mbi_engine.Model) -> Clique:
        """The clique whose expected counts are worst, beyond what noise would explain."""
        self.account.charge(self.account.choice)
        allowed = self._small_enough()
        scores = [self._score(model, clique) for clique in allowed]
        # a pair counts double: its weight, 2, is the most by which one row can change a score
        scale = selection.scale_for(self.account.choice, 2 * self.account.most)
        return allowed[selection.choose(np.array(scores, dtype=np.int64), scale)]

    def _score(self, model: mbi_engine.Model, clique: Clique) -> int:
        gap = selection.gaps(self.exact[clique], self._expected(model, clique))
        noise = EXPECTED * self.account.scale * self.account.most * len(self.exact[clique])
        return len(clique) * (gap - round(noise))

    def _expected(self, model: mbi_engine.Model, clique: Clique) -> np.ndarray:
        counts = model.expected(clique)
        if len(clique) > 1:
            return counts
        cells = self.cells[clique[0]]
        known = measured.merged([m for m in self.noisy if m.clique == clique])[clique]
        return counts[cells.coarse] * modelled.shares_within(cells, known)

    def _small_enough(self) -> list[Clique]:
        """Cliques whose model stays within the share of its size that has been paid for."""
        sizes = [int(each.coarse[-1]) + 1 for each in self.cells]
        held = [m.clique for m in self.noisy]
        limit = self.megabytes * self.account.spent / self.account.rho
        fitting = [
            clique
            for clique in self.exact
            if clique in held or mbi_engine.megabytes(sizes, [*held, clique]) <= limit
        ]
        return fitting or counting.singles(self.cells)

    def _anneal(self, clique: Clique, moved: float) -> None:
        """Halve the noise once a round teaches less than the noise itself."""
        noise = self.account.scale * self.account.most
        if moved <= EXPECTED * noise * len(self.exact[clique]):
            self.account.scale /= 2
