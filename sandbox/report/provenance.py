"""Where the figures come from: plan, data, versions, seeds, earlier plans, and what is amiss."""

from sandbox.evidence_lines import Header, Row
from sandbox.report import formats
from sandbox.report.comparison import Comparison
from sandbox.report.glossary import entry
from sandbox.report.tables import Cell, Table


def facts(comparison: Comparison) -> list[tuple[str, str]]:
    """Term and value pairs, the plan first."""
    header, rows = comparison.evidence.header, comparison.evidence.rows
    held_out = sorted({row.held_out for row in rows if row.held_out})
    share = header.held_out_share
    units = "people" if header.use_case.unit == "person" else "records"
    return [
        ("Plan (SHA-256)", header.plan),
        ("Plan fixed", formats.day(header.at)),
        ("Last run finished", formats.day(max(row.at for row in rows)) if rows else "none yet"),
        ("Data", _data(header)),
        ("Unit of privacy and of resampling", header.use_case.unit),
        ("Held out", "not stated" if share is None else f"{share:.0%} of all {units}"),
        ("Held-out set (hash)", ", ".join(held_out) or "not recorded"),
        ("Seed", _seed(header, rows)),
        ("Repeats planned", formats.number(header.repeats)),
        ("Machine", "; ".join(sorted({row.machine for row in rows if row.machine})) or "unknown"),
        ("Versions", _versions(rows)),
    ]


def _data(header: Header) -> str:
    if header.synthetic_demo:
        people = f", {formats.number(header.people)} people" if header.people else ""
        return f"SYNTHETIC: invented people and forces{people}"
    return {"public": "public", "protected": "protected; controlled access"}.get(
        header.data_status, header.data_status
    )


def _seed(header: Header, rows: tuple[Row, ...]) -> str:
    if header.data_status == "protected":
        return "held by the forces; not published for protected data"
    seeds = sorted({row.seed for row in rows if row.seed is not None})
    noise = "noise that protects privacy has none"
    return f"{', '.join(map(str, seeds)) or 'not recorded'} (splits, bootstraps, attacks); {noise}"


def _versions(rows: tuple[Row, ...]) -> str:
    found = dict.fromkeys(f"{name} {v}" for row in rows for name, v in row.versions.items())
    return ", ".join(found) or "not recorded"


def columns(comparison: Comparison) -> Table:
    """Every column of the use case, with its role and whether the question needs it."""
    case = comparison.evidence.header.use_case
    asked = case.question
    needed = {asked.target, *asked.features, *asked.by}
    rows = [
        (
            Cell(text=case.label(name)),
            Cell(text=column.role.replace("_", " ") or "not stated"),
            Cell(text="needed" if name in needed else "not needed"),
            Cell(text="yes" if column.protected else "no"),
            Cell(text=column.category or "none stated"),
        )
        for name, column in case.columns.items()
    ]
    return Table(
        caption="Columns of the use case",
        headings=(
            "Column",
            "Role",
            "For the question",
            "Protected characteristic",
            "DPA 2018 category",
        ),
        rows=tuple(rows),
    )


def digests(comparison: Comparison) -> Table:
    """Keyed digest of each force's data."""
    header = comparison.evidence.header
    return Table(
        caption="Data of each force, by keyed digest",
        headings=("Force", "Digest"),
        rows=tuple((Cell(text=name), Cell(text=digest)) for name, digest in header.data.items()),
        note="Keyed, because a plain hash of a small file would confirm a guess of its content.",
    )


def earlier(comparison: Comparison) -> Table:
    """Every plan registered before for this use case, with its floor."""
    now = comparison.evidence.header
    rows = []
    for plan in now.earlier_plans:
        floor = plan.floor
        text = f"{entry(floor.measure).title} {floor.direction.replace('_', ' ')} {floor.value:g}"
        changed = "same floor" if floor == now.floor else "different floor"
        data = "same data" if plan.data == now.data else "other data"
        rows.append(
            (
                Cell(text=plan.plan[:12]),
                Cell(text=formats.day(plan.at)),
                Cell(text=text, small=(changed,)),
                Cell(text=data),
            )
        )
    return Table(
        caption="Earlier plans with this use case",
        headings=("Plan", "Registered", "Floor", "Data"),
        rows=tuple(rows),
    )


def warnings(comparison: Comparison) -> list[str]:
    """What makes the comparison less than evidence; empty where nothing was found."""
    evidence = comparison.evidence
    found = []
    if evidence.early:
        found.append("A run finished before the plan was fixed: the floor may not be prior.")
    by_repeat: dict[int, set[str]] = {}
    for row in evidence.rows:
        if row.held_out:
            by_repeat.setdefault(row.repeat, set()).add(row.held_out)
    if any(len(hashes) > 1 for hashes in by_repeat.values()):
        found.append("Options were not judged on the same held-out people: do not compare them.")
    versions = {tuple(sorted(row.versions.items())) for row in evidence.rows if row.versions}
    if len(versions) > 1:
        found.append("Runs were made with different versions of the software.")
    changed = [
        plan for plan in evidence.header.earlier_plans if plan.floor != evidence.header.floor
    ]
    if changed:
        plans = formats.counted(len(changed), "earlier plan")
        found.append(f"{plans} for this use case had another floor: see provenance.")
    return found
