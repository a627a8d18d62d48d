"""How much each column is worth: left out alone, and one after another."""

from dataclasses import asdict, dataclass

from sandbox.curves import columns
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.study import Study


@dataclass(frozen=True, kw_only=True)
class ColumnsNeeded:
    """The curve of usefulness against columns, and the ablation of every column."""

    topic: str = "curve/columns"
    """Under what it is found."""
    title: str = "Which columns does the question need?"
    """What is asked."""
    margin: float = columns.MARGIN
    """Loss of area under the curve that counts as nothing."""

    def run(self, study: Study) -> Answer:
        """Fit and judge every setting."""
        with outcome_forces(study) as forces:
            found = columns.curve(forces, study.plan.file.seed, self.margin)
            use_case = forces.use_case
        sensitive = [
            {"column": c.name, "category": c.category, "protected": c.protected}
            for c in use_case.columns
            if c.name in found.order and (c.category or c.protected)
        ]
        return Answer(
            summary="The model was fitted again without each column, and with ever fewer columns, "
            "and judged on the people held out.",
            findings=tuple(columns.findings_of(found, use_case.floor, self.margin)),
            data={
                "margin": self.margin,
                "floor": asdict(use_case.floor),
                "points": [asdict(point) for point in found.greedy],
                "needs": [asdict(need) for need in found.needs],
                "order": list(found.order),
                "sensitive": sensitive,
            },
        )
