"""Declared constraints held in synthetic rows, and rows under conditions, both after the release.

Everything here reads the synthetic table alone, so that a privacy loss stays what it was (closure
under post-processing, Dwork and Roth 2014, proposition 2.1). A value that breaks a constraint is
drawn again from the table's own values that keep it, which disturbs the column less than moving
all of them to the bound (the hot deck of Andridge and Little 2010).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from minimisation import Bounds, Microdata, NotApplicableError, Release, UseCase
from minimisation.contract.constraints import Constraint

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def broken(table: pa.Table, constraint: Constraint) -> Flags:
    """Whether each of n rows breaks a constraint, shape (n,); a missing value breaks none."""
    value = _numbers(table, constraint.column)
    low, high = _ends(table, constraint)
    # a comparison with a missing number is false
    return _applies(table, constraint) & ((value < low) | (value > high))


def violations(table: pa.Table, constraints: Sequence[Constraint]) -> int:
    """How many rows break at least one constraint."""
    return int(_any_broken(table, constraints).sum())


def enforced(release: Release, use_case: UseCase, rng: np.random.Generator) -> Release:
    """The release with every row inside every constraint, and a remark on what was changed.

    Args:
        release: synthetic rows; one that is something else comes back as it is.
        use_case: declares the constraints, of which those that speak of a column that is not in
            the table are left out, and the columns' domains, inside which values stay.
        rng: draws the values anew.
    """
    artefact = release.artefact
    if not isinstance(artefact, Microdata) or not artefact.synthetic:
        return release
    before = artefact.table
    known = [each for each in use_case.constraints if each.columns <= set(before.column_names)]
    table = hold(before, use_case, known, rng)
    drawn, dropped = violations(before, known), before.num_rows - table.num_rows
    if not drawn:
        return release
    remark = f"{drawn} rows broke a declared constraint: {drawn - dropped} were put right"
    remark += f", {dropped} left out." if dropped else "."
    return replace(
        release,
        artefact=replace(artefact, table=table),
        remarks=(*release.remarks, remark),
    )


def hold(
    table: pa.Table,
    use_case: UseCase,
    constraints: Sequence[Constraint],
    rng: np.random.Generator,
) -> pa.Table:
    """The rows with zero violations; those that no drawing puts right are left out."""
    for _ in range(len(constraints) + 1):
        for constraint in constraints:
            table = _put_right(table, use_case, constraint, rng)
        if not _any_broken(table, constraints).any():
            return table
    return table.filter(pa.array(~_any_broken(table, constraints)))


def given(
    table: pa.Table, fixed: Mapping[str, str | float], size: int, rng: np.random.Generator
) -> pa.Table:
    """Rows of a synthetic table in which some columns have given values, drawn with replacement.

    Raises:
        NotApplicableError: if no synthetic row has these values.
        ValueError: if a column is not in the table.
    """
    kept = np.ones(table.num_rows, dtype=bool)
    for name, value in fixed.items():
        if name not in table.column_names:
            raise ValueError(f"column ({name}) must be one of: {', '.join(table.column_names)}")
        kept &= pc.fill_null(pc.equal(table.column(name), value), False).to_numpy()  # noqa: FBT003 - Arrow's own form
    places = np.flatnonzero(kept)
    if not len(places):
        names = ", ".join(fixed)
        raise NotApplicableError(f"values of {names} must occur together in the synthetic rows")
    return table.take(pa.array(rng.choice(places, size=size)))


def _put_right(
    table: pa.Table, use_case: UseCase, constraint: Constraint, rng: np.random.Generator
) -> pa.Table:
    wrong = broken(table, constraint)
    if not wrong.any():
        return table
    name = constraint.column
    domain = use_case.column(name).domain
    if not isinstance(domain, Bounds):
        return table
    value = _numbers(table, name)
    low, high = (np.clip(end[wrong], domain.low, domain.high) for end in _ends(table, constraint))
    donors = np.sort(value[_applies(table, constraint) & ~wrong & ~np.isnan(value)])
    first = np.searchsorted(donors, low, side="left")
    after = np.searchsorted(donors, high, side="right")
    found = after > first
    # where nobody's value fits, the nearer bound on the column's grid does
    anew = np.where(value[wrong] < low, _up(low, domain.step), _down(high, domain.step))
    picked = first + np.floor(rng.random(len(first)) * np.maximum(after - first, 1)).astype(int)
    anew[found] = donors[picked[found]]
    value[wrong] = anew
    place = table.column_names.index(name)
    numbers = pa.array(value, pa.float64(), mask=np.isnan(value))
    return table.set_column(place, table.schema.field(name), numbers)


def _up(number: Numbers, step: float) -> Numbers:
    result: Numbers = np.round(np.ceil(number / step - 1e-9) * step, 9)
    return result


def _down(number: Numbers, step: float) -> Numbers:
    result: Numbers = np.round(np.floor(number / step + 1e-9) * step, 9)
    return result


def _ends(table: pa.Table, constraint: Constraint) -> tuple[Numbers, Numbers]:
    """Lowest and highest value of each row, infinite where there is none."""
    ends = []
    for end, none in ((constraint.at_least, -np.inf), (constraint.at_most, np.inf)):
        if isinstance(end, str):
            other = _numbers(table, end)
            ends.append(np.where(np.isnan(other), none, other))
        else:
            ends.append(np.full(table.num_rows, none if end is None else float(end)))
    return ends[0], ends[1]


def _applies(table: pa.Table, constraint: Constraint) -> Flags:
    kept = np.ones(table.num_rows, dtype=bool)
    for name, labels in constraint.where:
        kept &= pc.is_in(table.column(name), pa.array(labels, pa.string())).to_numpy()
    return kept


def _numbers(table: pa.Table, name: str) -> Numbers:
    result: Numbers = pc.fill_null(pc.cast(table.column(name), pa.float64()), np.nan).to_numpy()
    return result.copy()


def _any_broken(table: pa.Table, constraints: Sequence[Constraint]) -> Flags:
    wrong = np.zeros(table.num_rows, dtype=bool)
    for constraint in constraints:
        wrong |= broken(table, constraint)
    return wrong
