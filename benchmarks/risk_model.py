"""What a risk model loses when it is trained on each option's rows instead of real ones.

    python -m benchmarks.risk_model --workspace demo --repeats 5

The demonstration's question about serious violence: invented people in nine forces. Held-out people
are the same in every run; a loss is raw AUC − the option's AUC on the same bootstrap weights, and
its interval covers people and repeats (resampled together). Every run is printed when it is done,
so that nothing is lost when a long one is ended; `--seconds` gives fits and training more or less
time than an option's own budget, and a run that its time cut short says so.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minimisation import Microdata, Option, Release
from sandbox.answers import answer
from sandbox.cost import Stopwatch
from sandbox.demo_study import demo_plans
from sandbox.measures import outcome, ranking
from sandbox.registry import builtin_options, parameters_of, with_parameters
from sandbox.study import Study

OPTIONS = (
    "independent-columns",
    "gaussian-copula",
    "sequential-trees",
    "cleared-margins",
    "generative-network",
    "variational-autoencoder",
    "private-tree",
    "private-adaptive",
    "federated-margins",
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One option's release, judged on held-out people."""

    areas: np.ndarray
    """AUC on held-out people and on each bootstrap replicate of them, shape (replicates + 1,)."""
    people: int
    """Held-out people."""
    rows: int
    """Released rows."""
    cut_short: int
    """Remarks that say that time ran out."""


def judged(study: Study, option: Option, repeat: int) -> Run:
    """Apply an option with the seed of a repeat and judge it."""
    case = study.plan.use_case
    with study.forces(workers=1) as forces:
        rng = np.random.default_rng([repeat, *option.name.encode()])
        release = option.apply(forces, case, rng)
        if not isinstance(release.artefact, Microdata):
            raise TypeError(f"option ({option.name}) must release rows")
        answered = Release(artefact=answer(release.artefact, case, forces.names))
        counts = outcome.counts_of(forces, answered, study.plan.file.seed)
    return Run(
        areas=ranking.auc(counts),
        people=int(counts[0].sum()),
        rows=release.artefact.table.num_rows,
        cut_short=sum("stopped after" in remark for remark in release.remarks),
    )


def patient(option: Option, seconds: float | None) -> Option:
    """The option with so much time for its fits and training, if it has a budget of time."""
    timed = seconds is not None and "seconds" in parameters_of(option)
    return with_parameters(option, {"seconds": seconds} if timed else {})


def summary(raw: np.ndarray, runs: list[np.ndarray]) -> dict[str, object]:
    """Mean loss over repeats with its 95 % interval.

    Args:
        raw: (replicates + 1,) AUC of the model trained on real rows.
        runs: the same of every repeat.
    """
    lost = raw - np.stack(runs)
    chosen = np.random.default_rng(1).integers(len(runs), size=(len(raw) - 1, len(runs)))
    spread = lost[chosen, np.arange(1, len(raw))[:, None]].mean(axis=1)
    low, high = np.percentile(spread, [2.5, 97.5])
    return {
        "auc": round(float(np.mean([run[0] for run in runs])), 4),
        "lost": round(float(lost[:, 0].mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "repeats": len(runs),
    }


def main(say: Callable[[str], object] = sys.stdout.write) -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workspace", type=Path, required=True, help="folder for invented data")
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, help="time for each fit and training")
    parser.add_argument("--options", nargs="*", default=list(OPTIONS))
    asked = parser.parse_args()
    plan, *_ = demo_plans(asked.workspace, people=asked.people, repeats=1)
    study = Study(plan_path=plan, workspace=asked.workspace)
    known = builtin_options()
    raw = judged(study, known["raw-pool"], 0)
    head = {"option": "raw-pool", "people": raw.people, "rows": raw.rows}
    say(json.dumps(head | summary(raw.areas, [raw.areas])) + "\n")
    for name in asked.options:
        runs = []
        for repeat in range(asked.repeats):
            watch = Stopwatch()
            run = judged(study, patient(known[name], asked.seconds), repeat)
            runs.append(run.areas)
            one = {"option": name, "repeat": repeat, "rows": run.rows, "cut_short": run.cut_short}
            auc = round(float(run.areas[0]), 4)
            say(json.dumps(one | {"seconds": watch.wall(), "auc": auc}) + "\n")
        say(json.dumps({"option": name} | summary(raw.areas, runs)) + "\n")


if __name__ == "__main__":
    main()
