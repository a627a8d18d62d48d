"""Singling out: does the release suggest a description that fits exactly one person?

After Cohen and Nissim, "Towards formalizing the GDPR's notion of singling out", PNAS 117 (2020),
and Giomi and others (PoPETs 2023). A predicate of the right weight isolates somebody by luck in up
to 1/e of all tries, so the same predicates are tried on as many people who are not in the data.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pyarrow as pa

from minimisation import Forces, Release, Scene
from sandbox.attacks import tally, tally_verdict, targets, trial
from sandbox.attacks.attack import Needs
from sandbox.attacks.predicates import MOST, Predicates, isolated, predicates
from sandbox.attacks.tally import Source, Tally
from sandbox.findings import Finding
from sandbox.rates import Rate

ALL = "all members"
"""Group of tries on all members instead of on as many as are held out."""


@dataclass(frozen=True, kw_only=True)
class SinglingOut:
    """Counts predicates that isolate one person, on the release and on its controls' releases."""

    most: int = MOST
    """Most predicates of a kind that are tried in each force."""
    name: str = "singling-out-trial"
    """Name in the audit log."""
    needs: ClassVar[Needs] = "release"
    background: ClassVar[str] = "Knows nothing but the release and which force it describes."

    @property
    def schema(self) -> pa.Schema:
        """What, source, inside, group, tries, hits."""
        return tally.SCHEMA

    def observe(self, scene: Scene) -> pa.Table:
        """Try predicates on this force's people.

        Group `all members` holds tries on all members; everyone, on as many as are held out.
        """
        rng = scene.rng()
        members, others = (
            each.order("share, unit").to_arrow_table() for each in (scene.members, scene.held_out)
        )
        found: list[dict[str, object]] = []
        if _count(members) == 0 or _count(others) < 2:  # noqa: PLR2004 - strangers and the rest
            return pa.Table.from_pylist(found, schema=tally.SCHEMA)
        strangers = _some(others, _count(others) // 2, rng)
        rest = _without(others, strangers)
        columns = [column.name for column in scene.use_case.columns]
        for source, artefact, control in (
            (Source.RELEASE, scene.artefact, others),
            (Source.COPY, trial.like(scene, members.select(columns)), others),
            (Source.STRANGERS, trial.like(scene, strangers.select(columns)), rest),
            (Source.REFERENCE, trial.like(scene, rest.select(columns)), strangers),
        ):
            tried = predicates(artefact, scene.use_case, scene.force, rng, self.most)
            size = min(_count(members), _count(control))
            crowds = [
                (1, targets.EVERYONE, _some(members, size, rng)),
                (0, targets.EVERYONE, _some(control, size, rng)),
            ]
            if source is Source.RELEASE:
                crowds.append((1, ALL, members))
            for inside, group, rows in crowds:
                found += _counted(tried, rows, columns, source, inside, group)
        return pa.Table.from_pylist(found, schema=tally.SCHEMA)


def findings(
    forces: Forces, release: Release, seed: int, attack: SinglingOut | None = None
) -> list[Finding]:
    """Predicates that isolate a member of the whole data, and what the release added to luck."""
    attack = attack or SinglingOut()
    found = Tally.of(forces.assess(attack, release, seed).values())
    fair = Tally(
        counts={key: rate for key, rate in found.counts.items() if key[3] == targets.EVERYONE}
    )
    results = tally_verdict.findings("singling_out", attack.background, fair)
    if results[0].value is None:
        return results
    worst = results[0].note.rsplit(";", 1)[0]
    whole = found.rate(worst, Source.RELEASE, inside=True, group=ALL)
    return [_on_all(whole, results[0], worst), results[1]]


def _on_all(whole: Rate, fair: Finding, what: str) -> Finding:
    low, high = whole.wilson()
    note = (
        f"{whole.tries:.0f} predicates from {what}, tried on all members; on as many members as "
        f"are held out {fair.value:.3f} isolated one, which the control and the risk are read "
        "against: where fewer are held out than are in the data, most isolated people are missed"
    )
    return replace(fair, value=whole.share, low=low, high=high, note=note)


def _counted(  # noqa: PLR0913, PLR0917 - one cell of the tally
    tried: dict[str, Predicates],
    rows: pa.Table,
    columns: list[str],
    source: Source,
    inside: int,
    group: str,
) -> list[dict[str, object]]:
    units, plain = np.asarray(rows.column("unit")), rows.select(columns)
    found = []
    for what, each in tried.items():
        alone = isolated(plain, units, each)
        counts = {"tries": float(len(alone)), "hits": float(alone.sum())}
        key = {"what": what, "source": int(source), "inside": inside, "group": group}
        found.append(key | counts)
    return found


def _count(rows: pa.Table) -> int:
    return len(np.unique(np.asarray(rows.column("unit"))))


def _without(rows: pa.Table, others: pa.Table) -> pa.Table:
    gone = np.isin(np.asarray(rows.column("unit")), np.asarray(others.column("unit")))
    return rows.filter(pa.array(~gone))


def _some(rows: pa.Table, size: int, rng: np.random.Generator) -> pa.Table:
    units = np.asarray(rows.column("unit"))
    return rows.filter(pa.array(np.isin(units, rng.permutation(np.unique(units))[:size])))
