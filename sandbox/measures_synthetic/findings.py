"""Judges released rows as a table: what they keep of the people they stand for, and what repeat.

Counts come from inside the forces and add up over them (`inside`); figures are about all forces
together. Every one is read against people whom no option saw: what a fresh sample of the same
population would score or repeat.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from minimisation import Forces, Microdata, Release, UseCase
from sandbox.findings import Better, Finding
from sandbox.measures_synthetic import cell_counts, inside
from sandbox.measures_synthetic.cell_counts import Counts
from sandbox.measures_synthetic.inside import HELD_OUT, MEMBERS, Figures, RowsAgainstPeople
from sandbox.measures_synthetic.slopes import FEWEST, Regression, Slopes
from sandbox.rates import Rate
from synthetic.constraints import violations
from synthetic.counting import pairs, singles
from synthetic.margins import Cells

FRESH = "the baseline is what people whom no option saw score, who are fewer"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Everything that findings are computed from."""

    cells: list[Cells]
    """Columns that are compared."""
    figures: Figures
    """What the forces counted, added up."""
    released: Counts
    """Counts of the released rows."""
    sums: np.ndarray | None
    """Sums of the regression on released rows; None where there is no regression."""
    regression: Regression | None
    """The regression."""

    def people(self, side: int) -> Counts:
        """Counts of members or of held-out people."""
        cliques = [*singles(self.cells), *pairs(self.cells)]
        sizes = [each.size for each in self.cells]
        return {
            c: self.figures[inside.named(c), side].reshape([sizes[place] for place in c])
            for c in cliques
        }


def findings(forces: Forces, release: Release, seed: int) -> list[Finding]:
    """What released rows keep and repeat; nothing for a release that is not rows.

    Args:
        forces: opened; counting runs inside each of them.
        release: real or synthetic rows.
        seed: the assessment's seed, equal for all options.
    """
    artefact, use_case = release.artefact, forces.use_case
    if not isinstance(artefact, Microdata):
        return []
    columns = tuple(
        name
        for name in use_case.needed
        if name in artefact.table.column_names and name not in use_case.identifiers
    )
    if not columns:
        return []
    if artefact.table.num_rows == 0:
        return [_none("k_marginal", "higher", "no row was released")]
    judged = _judged(forces, release, artefact, columns, seed)
    if not judged.figures[inside.named((0,)), MEMBERS].any():
        return [_none("k_marginal", "higher", "no force has people to compare with")]
    rng = np.random.default_rng(seed)
    return [
        *_columns_and_pairs(judged, rng),
        *_slopes(judged),
        *_repeated(judged),
        *_constraints(use_case, artefact, rng),
    ]


def _judged(
    forces: Forces, release: Release, artefact: Microdata, columns: tuple[str, ...], seed: int
) -> Judged:
    use_case = forces.use_case
    cells = inside.cells_of(use_case, columns)
    regression = Regression.of(use_case, columns)
    plain = not inside.generalised(artefact.table, columns)
    measure = RowsAgainstPeople(columns=columns, plain=plain)
    tables = forces.assess(measure, release, seed).values()
    rows = inside.plain_rows(use_case, columns, artefact.table, np.random.default_rng(seed))
    sums = regression.sums(rows) if regression is not None else None
    return Judged(
        cells=cells,
        figures=inside.added_up(tables, _sizes(cells, sums)),
        released=cell_counts.counted(cells, inside.codes_of(cells, rows)),
        sums=sums,
        regression=regression,
    )


def _sizes(cells: list[Cells], sums: np.ndarray | None) -> Mapping[str, int]:
    sizes = [each.size for each in cells]
    counts = {
        inside.named(clique): math.prod(sizes[place] for place in clique)
        for clique in (*singles(cells), *pairs(cells))
    }
    figures = {"propensity": 3, "unique": 4, "apparent": 4, "nearest": 2}
    return counts | figures | ({"sums": sums.size} if sums is not None else {})


def _columns_and_pairs(judged: Judged, rng: np.random.Generator) -> Iterator[Finding]:
    cells, released = judged.cells, judged.released
    members, held_out = judged.people(MEMBERS), judged.people(HELD_OUT)
    anybody = bool(held_out[0,].any())
    columns = cell_counts.column_distances(members, released)
    worst = cells[max(columns, key=lambda place: columns[place])].column.name
    own = cell_counts.column_distances(members, held_out) if anybody else {}
    yield _mean("column_distance", columns.values(), own.values(), f"furthest apart: {worst}")
    if len(cells) > 1:
        yield from _scores(judged, members, held_out if anybody else None, rng)
        own_v = cell_counts.dependence_distances(members, held_out) if anybody else {}
        apart = cell_counts.dependence_distances(members, released)
        yield _mean("dependence_distance", apart.values(), own_v.values())
        linear = cell_counts.correlation_distances(cells, members, released)
        own_r = cell_counts.correlation_distances(cells, members, held_out) if anybody else {}
        if linear:
            yield _mean("correlation_distance", linear.values(), own_r.values())
    yield from _groups(cells, members, released)
    squared, chance, rows = judged.figures["propensity", MEMBERS]
    if rows:
        note = "a tree on shuffled flags reaches the baseline"
        baseline = float(chance / rows)
        yield _finding("propensity_mse", squared / rows, "lower", baseline=baseline, note=note)


def _scores(
    judged: Judged, members: Counts, held_out: Counts | None, rng: np.random.Generator
) -> Iterator[Finding]:
    """The k-marginal score on members and on others, and what sampling would score like it."""
    ranked = cell_counts.by_rank(judged.cells, members, members)
    made = cell_counts.by_rank(judged.cells, members, judged.released)
    score = cell_counts.k_marginal(ranked, made)
    others = cell_counts.by_rank(judged.cells, members, held_out) if held_out else None
    fresh = cell_counts.k_marginal(ranked, others) if others else None
    yield _finding("k_marginal", score, "higher", baseline=fresh, note=FRESH if others else "")
    if others:
        yield _finding("k_marginal_held_out", cell_counts.k_marginal(others, made), "higher")
    equal = cell_counts.subsample_equivalent(ranked, score, rng)
    yield _finding("subsample_equivalent", equal, "higher")


def _groups(cells: list[Cells], members: Counts, released: Counts) -> Iterator[Finding]:
    there, kept, gone = cell_counts.groups_kept(cells, members, released, FEWEST)
    if there:
        note = f"of {there} groups by one or two labels with {FEWEST} people or more"
        yield _finding("groups_erased_from_rows", gone, "lower", note=note)
        yield _finding("groups_kept_in_rows", kept / there, "higher", note=note)


def _slopes(judged: Judged) -> Iterator[Finding]:
    if judged.regression is None or judged.sums is None:
        return
    shape = judged.sums.shape
    members, others = (judged.figures["sums", side].reshape(shape) for side in (MEMBERS, HELD_OUT))
    for place, group in enumerate(judged.regression.names):
        if members[place, 0, 0] < FEWEST:
            continue
        true, made = Slopes.of(members[place]), Slopes.of(judged.sums[place])
        if not np.isfinite(true.value).any():
            continue
        fresh = Slopes.of(others[place]) if others[place, 0, 0] >= FEWEST else None
        apart = true.difference(fresh) if fresh else None
        shared = true.overlap(fresh) if fresh else None
        note = FRESH if fresh else ""
        yield Finding(
            measure="slope_distance",
            value=true.difference(made),
            better="lower",
            group=group,
            baseline=apart,
            note=note,
        )
        yield Finding(
            measure="slope_interval_overlap",
            value=true.overlap(made),
            better="higher",
            group=group,
            baseline=shared,
            note=note,
        )


def _repeated(judged: Judged) -> Iterator[Finding]:
    notes = {
        "unique": "of people alone with their values in their force; not a verdict",
        "apparent": "of people alone with their quasi-identifiers in their force; not a verdict",
    }
    names = {"unique": "unique_exact_matches", "apparent": "apparent_matches"}
    for what, note in notes.items():
        alone, hits, strangers, chance = judged.figures[what, MEMBERS]
        if alone:
            rate, control = Rate(hits=hits, tries=alone), Rate(hits=chance, tries=strangers)
            low, high = (float(end) for end in rate.wilson())
            yield Finding(
                measure=names[what],
                value=float(rate.share),
                better="neither",
                low=low,
                high=high,
                control=float(control.share) if strangers else None,
                note=note,
            )
    nearer, rows = judged.figures["nearest", MEMBERS]
    if rows:
        note = "a diagnostic, never a verdict: distances miss leaks and find none that matter"
        share = nearer / rows
        yield _finding("nearest_record", share, "neither", baseline=0.5, note=note)


def _constraints(
    use_case: UseCase, artefact: Microdata, rng: np.random.Generator
) -> Iterator[Finding]:
    known = set(artefact.table.column_names)
    rules = [each for each in use_case.constraints if each.columns <= known]
    if rules:
        named = sorted({name for rule in rules for name in rule.columns})
        rows = inside.plain_rows(use_case, named, artefact.table, rng)
        note = f"rows that break any of {len(rules)} declared constraints"
        yield _finding("constraint_violations", violations(rows, rules), "lower", note=note)


def _mean(
    measure: str, apart: Collection[float], fresh: Collection[float], note: str = ""
) -> Finding:
    baseline = float(np.mean(list(fresh))) if fresh else None
    notes = "; ".join(each for each in (note, FRESH if fresh else "") if each)
    value = float(np.mean(list(apart)))
    return _finding(measure, value, "lower", baseline=baseline, note=notes)


def _finding(
    measure: str, value: float, better: Better, *, baseline: float | None = None, note: str = ""
) -> Finding:
    read = None if baseline is None else float(baseline)
    return Finding(measure=measure, value=float(value), better=better, baseline=read, note=note)


def _none(measure: str, better: Better, note: str) -> Finding:
    return Finding(measure=measure, value=None, better=better, note=note)
