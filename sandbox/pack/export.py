"""The chosen option as a plan of its own: the pipeline that was measured, ready to be approved.

A force approves a plan by its hash; the export states which evidence spoke for it.
"""

from pathlib import Path

from minimisation import UseCaseError
from sandbox.evidence import load
from sandbox.plan import parse_plan
from sandbox.report import formats, wording
from sandbox.report.comparison import Comparison
from sandbox.study import Study


def export(study: Study, option: str, out: Path) -> str:
    """The plan's text: the study's plan, cut down to the option.

    Args:
        study: the plan that was compared.
        option: the chosen option.
        out: where it will be written; relative paths are made to fit.

    Raises:
        UseCaseError: if the option was not compared, or gave no answer.
    """
    comparison = Comparison(load(study.evidence))
    runs = next((each for each in comparison.answered if each.name == option), None)
    if runs is None:
        known = formats.listed([each.name for each in comparison.answered])
        raise UseCaseError(f"option ({option}) must be one that gave an answer: {known}")
    head = [
        f"# {option}, chosen from the comparison of plan {study.plan.digest}.",
        f"# {wording.headline(comparison, runs)}; {comparison.verdict(runs).value}.",
        "# A force approves it by naming its steps in its own policy; see docs/force-stores.md.",
    ]
    text = "\n".join([*head, *_cut(study.plan_path.read_text("utf-8"), option)]) + "\n"
    text = _paths(text, study.plan_path.parent, out.parent)
    parse_plan(text, out.parent, out.name)
    return text


def _cut(text: str, option: str) -> list[str]:
    """The plan's lines with one option and one repeat, and the parameters of no other."""
    lines: list[str] = ["", f'options = ["{option}"]', "repeats = 1"]
    keep, within = True, False
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("["):
            keep = not bare.startswith("[parameters.") or bare == f"[parameters.{option}]"
            within = False
        top = not any(each.strip().startswith("[") for each in lines)
        if top and (within or bare.split("=")[0].strip() in ("options", "repeats")):
            within = ("[" in bare and "]" not in bare) or (within and "]" not in bare)
            continue
        if keep:
            lines.append(line)
    return lines


def _paths(text: str, before: Path, after: Path) -> str:
    """Relative paths of data and use case, seen from the new folder."""
    if before.resolve() == after.resolve():
        return text
    lines = []
    for line in text.splitlines():
        key, _, value = line.partition("=")
        path = value.strip().strip('"')
        if key.strip() in ("file", "folder", "use_case") and (before / path).exists():
            lines.append(f'{key.rstrip()} = "{(before / path).resolve()}"')
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
