"""One option, one repeat: makes the release, has it assessed, and gives one row of evidence."""

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from minimisation import (
    BinaryOutcome,
    Forces,
    GroupedStatistics,
    Held,
    Microdata,
    NotApplicableError,
    Option,
    PolicyError,
    PrivacyLoss,
    Release,
    SandboxError,
    Statistics,
)
from minimisation.contract.errors import BudgetExceededError
from minimisation.forces.code_digest import code_digest
from sandbox.assessment import Beside, assess_release
from sandbox.attacks.kept import Kept
from sandbox.attacks.suite import MEMBERSHIP, SUITES, Suite
from sandbox.cost import Stopwatch, peak_bytes
from sandbox.measures import fairness
from sandbox.measures.resampling import Array
from sandbox.registry import parameters_of
from sandbox.releases import write_designated
from sandbox.study import Study, artefact_digest

SCHEMA = 1
"""Version of an evidence row."""

ENGINES = ("duckdb", "opendp", "numpy", "scikit-learn", "sdv", "flwr", "pyarrow")
"""Packages whose versions can change a figure."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """Digests of the code that results kept beside the stores depend on."""

    attacks: str
    """Of the suites of attacks."""
    flags: str
    """Of who is flagged under pooling."""

    @classmethod
    def installed(cls) -> "Code":
        """Read from the sources; takes half a second, so once for all runs of a comparison."""
        return cls(attacks=code_digest(Suite), flags=code_digest(fairness.FlagsByGroup))


def run(study: Study, option: Option, repeat: int, code: Code | None = None) -> dict[str, Any]:
    """Run one option once.

    Args:
        study: plan and workspace.
        option: what is run.
        repeat: which one, from 0.
        code: digests of the installed code; None: read here.

    Returns:
        The evidence row; an option that does not apply, is refused or fails is a row too.
    """
    plan = study.plan
    row = _head(study, option, repeat)
    code = code or Code.installed()
    rng = np.random.default_rng([plan.file.seed, repeat, *option.name.encode()])
    watch = Stopwatch()
    try:
        with study.forces(workers=1, assessment=repeat > 0) as forces:
            opened = watch.wall()
            release = option.apply(forces, plan.use_case, rng)
            row["cost"] = {"release_seconds": round(watch.wall() - opened, 4)}
            row["cost"] |= {"cpu_seconds": watch.cpu(), "peak_bytes": peak_bytes()}
            row |= _released(forces, release)
            _check_claim(forces, release)
            files = write_designated(study, option, release) if repeat == 0 else []
            study.note_release(f"{option.name}, repeat {repeat}", release, files)
            suite = SUITES[plan.file.attacks.set] if repeat == 0 else MEMBERSHIP
            history = [*earlier_releases(study, option, suite, release), release]
            pooled = pooled_flags(study, forces, code)
            beside = Beside(
                suite=suite,
                history=history,
                option=option,
                refit=plan.file.data.status != "protected",
                kept=kept_results(study, forces, suite, release, code),
                pooled=pooled,
            )
            findings = assess_release(forces, release, plan.file.seed, beside)
            row["cost"]["assess_seconds"] = round(
                watch.wall() - opened - row["cost"]["release_seconds"], 4
            )
            row["findings"] = [finding.as_json() for finding in findings]
        row["status"] = "done"
    except NotApplicableError as error:
        row |= {"status": "not applicable", "reason": str(error)}
    except (PolicyError, BudgetExceededError) as error:
        row |= {"status": "refused", "reason": str(error)}
    except SandboxError as error:
        row |= {"status": "failed", "reason": str(error)}
    row.setdefault("cost", {})["wall_seconds"] = watch.wall()
    return row


def earlier_releases(study: Study, option: Option, suite: Suite, last: Release) -> list[Release]:
    """What the option would have released before, about the same people, for who averages.

    Run in the assessment account and kept nowhere, and never on protected data; none where a table
    answers no question asked or where the account does not cover another run.
    """
    plan = study.plan
    averaged = isinstance(plan.use_case.question, GroupedStatistics)
    if plan.file.data.status == "protected" or not averaged or isinstance(last.artefact, Held):
        return []
    found: list[Release] = []
    with study.forces(workers=1, assessment=True) as forces:
        for place in range(1, suite.releases):
            rng = np.random.default_rng([plan.file.seed, place, *b"history", *option.name.encode()])
            try:
                found.append(option.apply(forces, plan.use_case, rng))
            except BudgetExceededError:
                break
            if found[-1].artefact == last.artefact:
                break  # it is not random: averaging it tells no more
    return found


def kept_results(study: Study, forces: Forces, suite: Suite, release: Release, code: Code) -> Kept:
    """Where results of attacks on this very release are kept: beside the stores."""
    plan = study.plan
    about = (
        artefact_digest(release.artefact),
        type(release.artefact).__name__,
        json.dumps(_loss(release.privacy_loss), sort_keys=True),
        json.dumps(study.snapshots, sort_keys=True),
        forces.held_out_digest(),
        hashlib.sha256(repr(plan.use_case).encode()).hexdigest(),
        repr(suite),
        str(plan.file.seed),
        code.attacks,
    )
    return Kept(folder=study.workspace / "cache" / "attacks", about=about)


def pooled_flags(study: Study, forces: Forces, code: Code) -> Array | None:
    """Who is flagged under pooling, worked out by the first run that needs it; None if not asked.

    Kept beside the stores, under a digest of data, plan and code: in controlled access.
    """
    plan = study.plan
    if not isinstance(plan.use_case.question, BinaryOutcome) or not plan.file.held_out:
        return None
    content = [study.snapshots, plan.digest, code.flags]
    name = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
    path = study.workspace / "cache" / f"pooled-flags-{name}.npy"
    if path.is_file():
        kept: Array = np.load(path, allow_pickle=False)
        return kept
    flags = fairness.pooled_flags(forces, plan.file.seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    np.save(partial, flags)
    partial.replace(path)
    return flags


def _head(study: Study, option: Option, repeat: int) -> dict[str, Any]:
    plan = study.plan
    return {
        "schema": SCHEMA,
        "kind": "run",
        "plan": plan.digest,
        "use_case": plan.use_case.name,
        "option": option.name,
        "summary": option.summary,
        "parameters": parameters_of(option),
        "repeat": repeat,
        "status": "failed",
        "reason": "",
        "findings": [],
        "egress": {},
        "payload_kinds": [],
        "privacy_loss": None,
        "remarks": [],
        "seed": plan.file.seed,
        "versions": _versions(),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in ENGINES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _released(forces: Forces, release: Release) -> dict[str, Any]:
    artefact = release.artefact
    table = artefact.table if isinstance(artefact, Microdata | Statistics) else None
    return {
        "artefact": type(artefact).__name__,
        "released": {
            "rows": table.num_rows if table is not None else 0,
            "columns": table.column_names if table is not None else [],
        },
        "egress": forces.meter.by_force(),
        "payload_kinds": sorted({entry.kind.value for entry in forces.meter.entries}),
        "privacy_loss": _loss(release.privacy_loss),
        "remarks": list(release.remarks),
        "held_out": forces.held_out_digest(),
    }


def _loss(loss: PrivacyLoss | None) -> dict[str, Any] | None:
    if loss is None:
        return None
    everywhere = {
        "epsilon_everywhere": loss.epsilon_everywhere,
        "delta_everywhere": loss.delta_everywhere,
    }
    return asdict(loss) | everywhere


def _check_claim(forces: Forces, release: Release) -> None:
    """An option may claim exactly the loss that the boundaries charged, and no other.

    Raises:
        PolicyError: if it claims anything else.
    """
    if release.privacy_loss != forces.privacy_loss():
        raise PolicyError("a release must claim the privacy loss that its forces charged")


def answer_order(order: dict[str, Any]) -> dict[str, Any]:
    """The row of one order: plan and workspace (paths), option, repeat (from 0), code (digests)."""
    study = Study(plan_path=Path(order["plan"]), workspace=Path(order["workspace"]))
    return run(study, study.options[order["option"]], order["repeat"], Code(**order["code"]))
