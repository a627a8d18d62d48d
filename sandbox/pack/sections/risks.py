"""The risk register: what was measured stands in it, what is judged is left to people.

Likelihood, severity, mitigation and residual risk are blanks, and so is the owner.
"""

from collections.abc import Callable

from sandbox.pack.document import Blank, Section, grid
from sandbox.pack.material import Material
from sandbox.report import fairness, formats, provenance, wording

HUMAN = ("likelihood", "severity", "mitigation", "residual risk", "owner")
"""What a person fills in for every risk."""


def section(material: Material) -> Section:
    """Risks with their measured evidence, then one blank for each."""
    found = [(key, risk, evidence(material)) for key, risk, evidence in RISKS]
    rows = [(f"R{place}", risk, said) for place, (_, risk, said) in enumerate(found, start=1)]
    table = grid(
        "risks",
        "Risks, with what was measured about each",
        ("Risk", "What could happen", "Measured evidence"),
        rows,
        origin="runs",
        controlled=material.protected,
    )
    asked = formats.listed(list(HUMAN))
    blanks = tuple(
        Blank(key=f"C-{key}", question=f"R{place}, {risk.lower()}: {asked}", by="the risk owner")
        for place, (key, risk, _) in enumerate(found, start=1)
    )
    return Section(number="C", title="Risk register", blocks=(table, *blanks))


def _membership(material: Material) -> str:
    return wording.trade_off_finding(material.comparison)


def _egress(material: Material) -> str:
    return wording.egress_finding(material.comparison)


def _groups(material: Material) -> str:
    found = [text for panel in fairness.panels(material.comparison) for text in panel.findings]
    return " ".join(found) or f"Not measured. To measure it: {material.compare}"


def _erased(material: Material) -> str:
    comparison = material.comparison
    if not material.measured(fairness.ERASED):
        return f"Not measured. To measure it: {material.compare}"
    return " ".join(fairness.erased(comparison)) or "No option shows a group at under half."


def _floor(material: Material) -> str:
    return wording.utility_finding(material.comparison)


def _label(material: Material) -> str:
    audit = material.inquiry("label-audit")
    if audit is None:
        return f"Not measured. To measure it: {material.inquire}"
    return audit.summary or "See the first page."


def _remnants(material: Material) -> str:
    asked = sum(int(facts.get("requests", 0)) for facts in material.stores.values())
    if not asked:
        return "Not measured: nobody's records were erased yet. To measure it: sandbox forces erase"
    left = sum(int(facts.get("remnants", 0)) for facts in material.stores.values())
    return f"{left} places left after {formats.counted(asked, 'request')}."


def _proxies(material: Material) -> str:
    proxy = material.inquiry("proxy")
    if proxy is None:
        return f"Not measured. To measure it: {material.inquire}"
    found = [f for f in proxy.findings if f.low is not None and f.low > 0]
    told = formats.counted(len(found), "sensitive column")
    return f"{told} can be told from the others better than from the commonest value alone."


def _plans(material: Material) -> str:
    return " ".join(provenance.warnings(material.comparison)) or "No earlier floor differed."


RISKS: tuple[tuple[str, str, Callable[[Material], str]], ...] = (
    ("label", "Decisions follow a record that does not mean what it is taken for", _label),
    ("floor", "The answer is not useful enough for the purpose", _floor),
    ("groups", "Errors fall on some groups more than on others", _groups),
    ("erased", "A group vanishes from the figures", _erased),
    ("membership", "Somebody learns from a release who was in the data", _membership),
    ("proxies", "A sensitive fact is inferred from other columns", _proxies),
    ("egress", "Rows about people leave a force and are lost or reused", _egress),
    ("remnants", "Deleted records live on in copies", _remnants),
    ("plans", "The floor was moved after results were seen", _plans),
)
"""Name, what could happen, and what was measured about it."""
