"""Findings by name, and the model of a raw copy that several measures are tried on."""

import numpy as np

from minimisation import Forces, LinearModel
from minimisation.options.raw_pool import RawPool
from sandbox.answers import answer
from sandbox.findings import Finding


def by_measure(found: list[Finding], group: str = "") -> dict[str, Finding]:
    return {finding.measure: finding for finding in found if finding.group == group}


def raw_model(forces: Forces) -> LinearModel:
    release = RawPool().apply(forces, forces.use_case, np.random.default_rng(1))
    model = answer(release.artefact, forces.use_case, forces.names)
    assert isinstance(model, LinearModel)
    return model
