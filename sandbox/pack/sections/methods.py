"""5.4 and the register of methods: what ran, in which version, how mature, where it fails."""

from sandbox.pack.document import Grid, grid
from sandbox.pack.material import Material

KNOWN: dict[str, tuple[str, str]] = {
    "business-as-usual": ("long in use", "says nothing that today's rule does not"),
    "non-personal": ("long in use", "knows published totals alone; blind to their interplay"),
    "raw-pool": ("long in use", "protects nothing: every row leaves"),
    "pooled-ceiling": ("long in use", "a yardstick inside the forces; nothing may be published"),
    "each-force-alone": ("long in use", "small forces learn little"),
    "subsample": ("long in use", "whoever is in the sample is shown in full"),
    "field-minimisation": ("long in use", "the columns left can still single people out"),
    "pseudonymisation": ("long in use", "rows can be told apart by what they hold"),
    "k-anonymity": ("established", "inference within a group; small groups vanish"),
    "independent-columns": ("yardstick", "holds no link between columns at all"),
    "private-statistics": ("established", "small cells drown in noise"),
    "randomised-response": ("established", "needs many people for little accuracy"),
    "sequential-trees": ("established", "can copy rare records; no formal guarantee"),
    "gaussian-copula": ("established", "misses links beyond pairs; no formal guarantee"),
    "ctgan": ("young", "can memorise; unstable on few rows"),
    "tvae": ("young", "can memorise; loses small groups"),
    "private-marginals": ("young", "keeps only the marginals it was given"),
    "federated-newton": ("established", "sums of few people speak of them"),
    "federated-averaging": ("established", "updates can give people away"),
    "federated-forest": ("established", "trees of one force are seen in the clear"),
    "federated-trees": ("established", "sums of few people speak of them"),
    "federated": ("young", "claims hold for honest servers, unless sums are masked"),
}
"""Beginning of an option's name → maturity, known failure."""


def register(material: Material) -> Grid:
    """Every method of the plan with its version, maturity and known failure."""
    comparison = material.comparison
    rows = []
    for option in comparison.options:
        maturity, failure = described(option.name)
        versions = dict.fromkeys(
            f"{name} {number}" for row in option.done for name, number in row.versions.items()
        )
        first = option.done[0] if option.done else None
        given = ", ".join(
            f"{key} = {value}"
            for key, value in (first.parameters if first else {}).items()
            if key not in ("name", "summary")
        )
        rows.append(
            (
                option.name,
                given or "none",
                ", ".join(versions) or "not recorded",
                maturity,
                failure,
            )
        )
    return grid(
        "methods",
        "Register of methods",
        ("Method", "Parameters", "Versions", "Maturity", "Known failure"),
        rows,
        origin="code",
    )


def described(name: str) -> tuple[str, str]:
    """Maturity and known failure of an option, by the longest beginning that is known."""
    known = [start for start in KNOWN if name.startswith(start)]
    if not known:
        return "not stated", "not stated: the option is not one of the sandbox's own"
    return KNOWN[max(known, key=len)]
