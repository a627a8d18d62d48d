"""What the model learned together goes by, and what acting on it would mean in each force.

Permutation importance: the loss of AUC on held-out people when one column's values are dealt out
at random among the people of a force (Breiman 2001, Random Forests, section 10).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from federated.design import linear_model
from minimisation import Forces, Release, Scene
from sandbox.ceiling import pooled_fit
from sandbox.curves import fits, judge
from sandbox.findings import Finding
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.inquiries.replicates import FEW, replicated
from sandbox.measures import outcome, ranking, resampling
from sandbox.measures.resampling import Array
from sandbox.measures.scores import WIDEST
from sandbox.study import Study

NOBODY = "nobody is flagged"
"""Why a precision is missing."""

WHOLE = "as it is"
"""In place of a column's name: nothing is permuted."""


@dataclass(frozen=True, kw_only=True)
class FederatedExplained:
    """Coefficients, importance of columns per force, and alerts per force at the threshold."""

    topic: str = "federated/explanation"
    """Under what it is found."""
    title: str = "What does the model learned together go by, and whom does it flag where?"
    """What is asked."""

    def run(self, study: Study) -> Answer:
        """Fit to everybody, judge on held-out people; nothing is released."""
        seed = study.plan.file.seed
        with outcome_forces(study) as forces:
            fit = pooled_fit(forces)
            question = forces.use_case.binary
            release = Release(artefact=linear_model(forces.use_case, fit.coefficients))
            counts = _counts(forces, release, fit.coefficients, seed)
            spread = _spread(forces, release, seed)
            terms = fits.encoding_of(forces.use_case).terms
        standardised = fit.coefficients[1:] * spread
        everyone = sum(counts.values())
        place, _ = ranking.cut(np.asarray(everyone)[0, 0], question.top_share)
        return Answer(
            summary="The converged model of everybody was taken apart: coefficients per standard "
            "deviation, the AUC that each force loses when a column says nothing, and who is "
            f"flagged where if the top {question.top_share:.1%} of everybody are.",
            findings=(
                *(
                    Finding(
                        measure=f"standardised_coefficient:{term}",
                        value=float(value),
                        better="neither",
                        note="log-odds per standard deviation of the term over everybody",
                    )
                    for term, value in zip(terms, standardised, strict=True)
                ),
                *(
                    each
                    for name, mine in counts.items()
                    for each in (
                        *_importance(mine, question.features, name),
                        *_alerts(mine, place, name),
                    )
                ),
            ),
            data={"threshold_bin": place, "bins": judge.BINS, "top_share": question.top_share},
        )


def _importance(counts: Array, columns: tuple[str, ...], force: str) -> list[Finding]:
    area = ranking.auc(counts)
    return [
        replicated(
            f"permutation_importance:{column}",
            area[0] - area[place],
            "AUC lost",
            force,
            better="neither",
            baseline=0.0,
            lacking=FEW,
        )
        for place, column in enumerate(columns, start=1)
    ]


def _alerts(counts: Array, place: int, force: str) -> list[Finding]:
    """Whoever scores in or above the bin of the common threshold is flagged."""
    flagged = counts[0, :, :, place:].sum(axis=-1)
    people = counts[0].sum(axis=-1)
    base = people[:, 1] / np.maximum(people.sum(axis=-1), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = flagged[:, 1] / flagged.sum(axis=-1)
    share = flagged.sum(axis=-1) / np.maximum(people.sum(axis=-1), 1)
    note = "at one threshold for all forces"
    figures = (
        ("alerts_share", share, note, None),
        ("alerts_precision", precision, note, float(base[0])),
        ("base_rate", base, "", None),
    )
    return [
        replicated(measure, each, said, force, better="neither", baseline=baseline, lacking=NOBODY)
        for measure, each, said, baseline in figures
    ]


def _counts(forces: Forces, release: Release, at: Array, seed: int) -> dict[str, Array]:
    """Force → held-out people by (permuted column, replicate, outcome, score bin)."""
    measure = _Permuted(coefficients=tuple(map(float, at)))
    columns = forces.use_case.binary.features
    shape = (len(columns) + 1, judge.REPLICATES + 1, 2, judge.BINS)
    return {
        name: resampling.dense([table], judge.AXES, shape)
        for name, table in forces.assess(measure, release, seed).items()
    }


def _spread(forces: Forces, release: Release, seed: int) -> Array:
    """Standard deviation of every term over the member people of all forces, shape (d,)."""
    tables = forces.assess(_Squares(), release, seed).values()
    rows, total, squares = np.split(
        np.sum([np.asarray(table.column("sums")) for table in tables], axis=0),
        [1, 1 + len(fits.encoding_of(forces.use_case).terms)],
    )
    average = total / max(rows[0], 1.0)
    found: Array = np.sqrt(np.maximum(squares / max(rows[0], 1.0) - average**2, 0.0))
    return found


@dataclass(frozen=True, kw_only=True)
class _Permuted:
    """Score histograms of held-out people, once as they are and once per permuted column."""

    coefficients: tuple[float, ...]
    name: str = "explained-histograms"

    @property
    def schema(self) -> pa.Schema:
        return resampling.sparse_schema(judge.AXES)

    def observe(self, scene: Scene) -> pa.Table:
        rows, _ = outcome.judged(scene)
        happened = outcome.outcomes(scene.use_case, rows)
        encoding = fits.encoding_of(scene.use_case)
        features, at = encoding.encode(rows), np.array(self.coefficients)
        weight = resampling.weights(scene, outcome.units_of(rows))[: judge.REPLICATES + 1]
        order, counts = scene.rng().permutation(len(features)), []
        for column in (WHOLE, *scene.use_case.binary.features):
            tried = features.copy()
            terms = fits.terms_of(encoding, (column,))
            tried[:, terms] = features[np.ix_(order, terms)]
            linear = at[0] + tried @ at[1:]
            place = (linear + WIDEST) / (2 * WIDEST) * judge.BINS
            bins = np.clip(place, 0, judge.BINS - 1).astype(np.int64)
            flat = resampling.histogram(happened * judge.BINS + bins, 2 * judge.BINS, weight)
            counts.append(flat.reshape(-1, 2, judge.BINS))
        return resampling.sparse(np.stack(counts), judge.AXES)


@dataclass(frozen=True, kw_only=True)
class _Squares:
    """Number of member rows, and the sums of every term and of its square."""

    name: str = "explained-spread"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("sums", pa.float64())])

    def observe(self, scene: Scene) -> pa.Table:
        features = fits.encoding_of(scene.use_case).encode(scene.members.to_arrow_table())
        sums = np.r_[len(features), features.sum(axis=0), (features**2).sum(axis=0)]
        return pa.table({"sums": sums})
