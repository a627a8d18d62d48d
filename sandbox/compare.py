"""Runs a plan: every option × repeat in a process of its own, one evidence row as each finishes.

A comparison that is killed resumes: finished rows are kept and none is run twice.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.evidence import append, finished, read
from sandbox.processes import RunFailedError, answer_of
from sandbox.study import Study
from sandbox.worker import SCHEMA, Code, answer_order

Progress = Callable[[str, int, int], None]
"""Called with what finished, how many are done, and how many there are."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One option × repeat."""

    option: str
    """Option by name."""
    repeat: int
    """Repeat, from 0."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def compare(study: Study, progress: Progress = silent, jobs: int = 2) -> None:
    """Run what is not finished yet and append its rows to the study's evidence.

    Args:
        study: the plan in its workspace.
        progress: told of every finished row.
        jobs: processes at a time; more than one makes the times less comparable, and is recorded.

    Raises:
        UseCaseError: if the plan or its data breaks a rule; no row is written then.
    """
    _check(study)
    _start(study)
    done = finished(study.evidence, study.plan.digest)
    every = list(_jobs(study))
    todo = [job for job in every if (job.option, job.repeat) not in done]
    code = Code.installed()
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        waiting: set[Future[dict[str, Any]]] = {pool.submit(_run, study, job, code) for job in todo}
        count = len(every) - len(todo)
        while waiting:
            complete, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in complete:
                row = future.result() | {"jobs": jobs}
                append(study.evidence, row)
                count += 1
                progress(f"{row['option']} · repeat {row['repeat'] + 1}", count, len(every))


def _jobs(study: Study) -> Iterator[Job]:
    for repeat in range(study.plan.file.repeats):
        for option in study.options:
            yield Job(option=option, repeat=repeat)


def _check(study: Study) -> None:
    """Fail before anything is written: data, options and use case must fit together."""
    _ = study.options
    with study.forces():
        pass


def _start(study: Study) -> None:
    """Register the plan, and begin an evidence file of its own if it was changed."""
    header = next((row for row in read(study.evidence) if row["kind"] == "plan"), None)
    if header is not None and header["plan"] == study.plan.digest:
        return
    if header is not None:
        study.evidence.rename(study.results / f"evidence-{header['plan'][:12]}.jsonl")
    study.results.mkdir(parents=True, exist_ok=True)
    register = study.workspace / "plans.jsonl"
    earlier = [
        row
        for row in read(register)
        if row["use_case"] == study.plan.use_case.name and row["plan"] != study.plan.digest
    ]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    append(
        register,
        {
            "schema": SCHEMA,
            "kind": "registered plan",
            "plan": study.plan.digest,
            "use_case": study.plan.use_case.name,
            "floor": study.floor(),
            "data": study.digests,
            "at": now,
        },
    )
    append(study.evidence, study.header() | {"earlier_plans": earlier, "at": now})


def _run(study: Study, job: Job, code: Code) -> dict[str, Any]:
    """Run one job in a process of its own and return its row."""
    order = {
        "plan": str(study.plan_path.resolve()),
        "workspace": str(study.workspace.resolve()),
        "option": job.option,
        "repeat": job.repeat,
        "code": asdict(code),
    }
    try:
        return answer_of(answer_order, order)
    except RunFailedError as error:
        return {
            "schema": SCHEMA,
            "kind": "run",
            "plan": study.plan.digest,
            "use_case": study.plan.use_case.name,
            "option": job.option,
            "summary": study.options[job.option].summary,
            "repeat": job.repeat,
            "status": "failed",
            "reason": str(error),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
