"""What the page is about: every option's runs, its headline figure, and the worst attack on it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from statistics import median

from sandbox.evidence import Evidence
from sandbox.evidence_lines import FloorFacts, ForceEgress, Row
from sandbox.findings import Finding
from sandbox.report.pooling import Difference, Estimate, difference, pool

REFERENCES = ("raw-pool", "pooled-ceiling")
"""Options that stand for pooling the raw rows, the first that ran; the second pools nothing."""
WORST = "worst_attack"
"""The measure of an option's worst attack, where several were run."""
FEW_REPEATS = 5
"""Below this many repeats a comparison is called a demonstration."""


def is_attack(finding: Finding) -> bool:
    """Whether a finding is the result of an attack."""
    return bool(finding.attack) or finding.measure.startswith("membership")


class Verdict(Enum):
    """Whether an option meets the floor."""

    MEETS = "meets the floor"
    """The whole interval is on the right side."""
    UNCLEAR = "not distinguishable from the floor"
    """The interval straddles the floor, or there is none."""
    SHORT = "falls short"
    """The whole interval is on the wrong side."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack, on one group of people."""

    measure: str
    """Measure name."""
    group: str
    """Whom it was tried on; empty: everyone."""
    estimate: Estimate
    """How well it did; no value means no verdict."""
    baseline: float | None
    """What guessing reaches."""
    control: float | None
    """The same attack on people who are not in the data."""

    @property
    def found(self) -> bool | None:
        """Whether its interval lies above guessing; None without a verdict or an interval."""
        if self.estimate.low is None or self.baseline is None:
            return None
        return self.estimate.low > self.baseline


@dataclass(frozen=True)
class OptionRuns:
    """All runs of one option."""

    name: str
    """Option name."""
    rows: tuple[Row, ...]
    """Its rows, by repeat; empty where none has finished."""
    stated_summary: str
    """What leaves each force, as the plan stated it."""

    @cached_property
    def done(self) -> tuple[Row, ...]:
        """Runs that gave a release."""
        return tuple(row for row in self.rows if row.status == "done")

    @property
    def status(self) -> str:
        """`done` if any run is, else the first run's status, else `not run`."""
        if self.done:
            return "done"
        return self.rows[0].status if self.rows else "not run"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Distinct reasons of the runs that gave no release."""
        return tuple(dict.fromkeys(row.reason for row in self.rows if row.status != "done"))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Distinct remarks of its releases."""
        return tuple(dict.fromkeys(remark for row in self.done for remark in row.remarks))

    def by_repeat(self, measure: str, group: str = "", force: str = "") -> dict[int, Finding]:
        """One finding per repeat."""
        return self._found.get((measure, group, force), {})

    @cached_property
    def _found(self) -> dict[tuple[str, str, str], dict[int, Finding]]:
        """Measure, group and force → repeat → finding."""
        found: dict[tuple[str, str, str], dict[int, Finding]] = {}
        for row in self.done:
            for finding in row.findings:
                key = (finding.measure, finding.group, finding.force)
                found.setdefault(key, {})[row.repeat] = finding
        return found

    @cached_property
    def _pooled(self) -> dict[tuple[str, str, str], Estimate]:
        """What was pooled before."""
        return {}

    def pooled(self, measure: str, group: str = "", force: str = "") -> Estimate | None:
        """The figure over repeats; None if it was never measured."""
        key = (measure, group, force)
        findings = tuple(self.by_repeat(*key).values())
        if findings and key not in self._pooled:
            self._pooled[key] = pool(findings)
        return self._pooled.get(key)

    def egress(self, read: Callable[[ForceEgress], int], force: str = "") -> float | None:
        """Median over repeats of what left one force, or all of them together."""
        if not self.done:
            return None
        return median(
            sum(read(left) for name, left in row.egress.items() if force in ("", name))
            for row in self.done
        )

    @property
    def person_rows(self) -> float | None:
        """Rows about one real person each that left the forces."""
        return self.egress(lambda left: left.person_rows)

    @property
    def person_cells(self) -> float | None:
        """Values in those rows; None where other payloads left too and cannot be told apart."""
        kinds = {kind for row in self.done for kind in row.payload_kinds}
        if not self.person_rows:
            return self.person_rows
        return self.egress(lambda left: left.cells) if kinds == {"rows"} else None

    @property
    def bytes_out(self) -> float | None:
        """Bytes that left the forces."""
        return self.egress(lambda left: left.sent)

    @cached_property
    def attacks(self) -> tuple[Attack, ...]:
        """Every attack tried on it, in the order of the evidence."""
        found = (f for row in self.done for f in row.findings)
        keys = dict.fromkeys((f.measure, f.group) for f in found if is_attack(f) and not f.force)
        return tuple(self._attack(measure, group) for measure, group in keys)

    def _attack(self, measure: str, group: str) -> Attack:
        findings = tuple(self.by_repeat(measure, group).values())
        baselines = [f.baseline for f in findings if f.baseline is not None]
        controls = [f.control for f in findings if f.control is not None]
        return Attack(
            measure=measure,
            group=group,
            estimate=pool(findings),
            baseline=sum(baselines) / len(baselines) if baselines else None,
            control=sum(controls) / len(controls) if controls else None,
        )

    def worst(self, measure: str) -> Attack | None:
        """The attack of that measure that did best, over everyone and every group."""
        tried = [attack for attack in self.attacks if attack.measure == measure]
        valued = [attack for attack in tried if attack.estimate.value is not None]
        if valued:
            return max(valued, key=lambda attack: attack.estimate.value or 0.0)
        return tried[0] if tried else None


@dataclass(frozen=True)
class Comparison:
    """One plan's evidence, put together."""

    evidence: Evidence
    """The checked file."""

    @cached_property
    def options(self) -> tuple[OptionRuns, ...]:
        """Options in plan order."""
        header = self.evidence.header
        names = dict.fromkeys([*header.options, *(row.option for row in self.evidence.rows)])
        found = []
        for name in names:
            rows = sorted(
                (row for row in self.evidence.rows if row.option == name),
                key=lambda row: row.repeat,
            )
            summary = next((row.summary for row in rows if row.summary), "")
            found.append(OptionRuns(name, tuple(rows), summary or header.options.get(name, "")))
        return tuple(found)

    @cached_property
    def answered(self) -> tuple[OptionRuns, ...]:
        """Options that gave a release in at least one run."""
        return tuple(option for option in self.options if option.done)

    @property
    def floor(self) -> FloorFacts:
        """The floor."""
        return self.evidence.header.floor

    @cached_property
    def reference(self) -> OptionRuns | None:
        """What stands for pooling the raw rows; None where nothing does."""
        by_name = {option.name: option for option in self.answered}
        return next((by_name[name] for name in REFERENCES if name in by_name), None)

    @cached_property
    def repeats(self) -> int:
        """Most finished runs of any option that answered."""
        return max((len(option.done) for option in self.answered), default=0)

    @cached_property
    def attack_measure(self) -> str | None:
        """The measure that options are compared by: the worst attack, else the first that ran."""
        tried = dict.fromkeys(a.measure for option in self.answered for a in option.attacks)
        return WORST if WORST in tried else next(iter(tried), None)

    def headline(self, option: OptionRuns) -> Estimate | None:
        """The floor's measure for an option."""
        return option.pooled(self.floor.measure)

    def verdict(self, option: OptionRuns) -> Verdict:
        """Whether the option meets the floor, by its interval."""
        estimate = self.headline(option)
        ends = estimate.interval if estimate else None
        if ends is None:
            return Verdict.UNCLEAR
        sign = 1 if self.floor.direction == "at_least" else -1
        worst, best = sorted(sign * (end - self.floor.value) for end in ends)
        if worst >= 0:
            return Verdict.MEETS
        return Verdict.SHORT if best < 0 else Verdict.UNCLEAR

    def gain(self, option: OptionRuns, other: OptionRuns | None) -> Difference | None:
        """Headline of one option minus that of another, paired; None where there is no pair."""
        if other is None:
            return None
        pair = (option.name, other.name)
        if pair not in self._gains:
            measure = self.floor.measure
            ours, theirs = option.by_repeat(measure), other.by_repeat(measure)
            self._gains[pair] = difference(ours, theirs)
        return self._gains[pair]

    @cached_property
    def _gains(self) -> dict[tuple[str, str], Difference | None]:
        """Differences taken before, by the names of both options."""
        return {}

    def risk(self, option: OptionRuns) -> Attack | None:
        """The worst attack on an option, by the measure that options are compared by."""
        return option.worst(self.attack_measure) if self.attack_measure else None
