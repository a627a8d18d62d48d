"""Every option from the forces' encrypted stores to its release, by people of the demonstration.

Opening the forces is part of it, and so are policy, meter and audit. The baseline is to pool the
raw rows: what the same people cost without any minimisation.
"""

from pathlib import Path

import numpy as np

from benchmarks.measuring import Trial
from benchmarks.setting import Setting, Workload
from minimisation import NotApplicableError, Option
from sandbox.demo_study import demo_plans
from sandbox.registry import builtin_options
from sandbox.study import Study

NAME = "options"
BASE = "raw-pool"
USE_CASES = ("serious-violence", "stop-search")
QUICK = ("k-anonymity", "private-statistics")
SMALLEST = 2_000
GROWING = (
    BASE,
    "field-minimisation",
    "pseudonymisation",
    "k-anonymity",
    "private-statistics",
    "gaussian-copula",
    "cleared-margins",
    "federated-newton",
    "federated-one-shot",
)
"""Options that are measured at larger sizes too: at least one of every family."""

SLOW = (
    "federated-private",
    "private-tree",
    "private-adaptive",
    "generative-network",
    "variational-autoencoder",
    "federated-forest",
    "federated-trees",
)
"""Options that train or fit for ten seconds and more: one run beside its baseline."""
EVENTS = ("linked-persons", "private-persons")
"""Options for questions about several events of a person, which neither use case asks."""


def generate(setting: Setting, path: Path) -> None:
    """Make the demonstration's forces and load their stores."""
    draft = path.with_name(f"draft-{path.name}")
    for plan in demo_plans(draft, people=setting.rows, repeats=1):
        Study(plan_path=plan, workspace=draft).stores  # noqa: B018 - loads on first use
    draft.replace(path)


def trial(setting: Setting, path: Path) -> Trial:
    """Release by the option, in turn with pooling the raw rows.

    Raises:
        NotApplicableError: if the option answers neither question.
    """
    options = builtin_options()
    option = options[setting.case]
    study = answered(path, option)
    return Trial(
        run=lambda: release(study, option),
        baseline=lambda: release(study, options[BASE]),
        figures=lambda: {"use case": study.plan.use_case.name},
    )


def answered(path: Path, option: Option) -> Study:
    """The first study whose question the option answers.

    Raises:
        NotApplicableError: if there is none.
    """
    for name in USE_CASES:
        study = Study(plan_path=path / f"{name}.toml", workspace=path)
        try:
            release(study, option)
        except NotApplicableError:
            continue
        return study
    raise NotApplicableError(f"option ({option.name}) answers no question of the demonstration")


def release(study: Study, option: Option) -> object:
    """Open the forces, apply the option, close them."""
    with study.forces(workers=1) as forces:
        return option.apply(forces, study.plan.use_case, np.random.default_rng(1))


def _settings() -> tuple[Setting, ...]:
    return tuple(
        Setting(
            workload=NAME,
            case=name,
            rows=rows,
            baseline="pooling the raw rows",
            data=f"demo-{rows}",
            tier="quick" if name in QUICK and rows == SMALLEST else "full",
            rank=rank,
            runs=1 if name in SLOW else 3 if rows == SMALLEST else 2,
            seconds=60 if name in SLOW else 10 if rows == SMALLEST else 15,
        )
        for rows, rank in ((SMALLEST, 29), (20_000, 37))
        for name in (builtin_options() if rows == SMALLEST else GROWING)
        if name not in EVENTS
    )


WORKLOAD = Workload(
    name=NAME,
    title="Every option from stores to release",
    settings=_settings(),
    trial=trial,
    generate=generate,
)
