"""A study's forces, where its question is one that a model answers."""

from minimisation import BinaryOutcome, Forces, NotApplicableError, UseCase
from sandbox.study import Study


def outcome_forces(study: Study, use_case: UseCase | None = None) -> Forces:
    """The study's forces, to be opened with `with`; what they give is an assessment, no release.

    Args:
        study: the plan in its workspace.
        use_case: another form of the plan's use case; the plan's own if None.

    Raises:
        NotApplicableError: if the question is not a binary outcome.
    """
    forces = study.forces(use_case=use_case, assessment=True)
    if not isinstance(forces.use_case.question, BinaryOutcome):
        raise NotApplicableError("only a question about an outcome is answered by a model")
    return forces
