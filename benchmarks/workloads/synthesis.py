"""Whole synthesisers on ten columns: `benchmarks.synthesis`, beside SDV and OpenDP as shipped."""

from pathlib import Path

from benchmarks.measuring import Figures, Trial
from benchmarks.setting import Setting, Workload
from benchmarks.synthesis import DELTA, EPSILON, OPTIONS, whole
from benchmarks.workloads import marginals
from minimisation.statistics.noise import rho_of

NAME = "synthesis"
ROWS = 27_253
PEERS = {
    "SDV Gaussian copula as shipped": ("benchmarks.peers.sdv_shipped", ""),
    "OpenDP mbi Fixed as shipped": ("benchmarks.peers.opendp_mbi", "opendp-mbi"),
    "OpenDP mbi AIM as shipped": ("benchmarks.peers.opendp_mbi", "opendp-mbi"),
}
"""Case → module and environment."""
SLOW = ("sequential-trees", "private-adaptive", "OpenDP mbi AIM as shipped")
"""Cases that take minutes, and run late."""


def trial(setting: Setting, path: Path) -> Trial:
    """Fit and draw as many rows in one force; the distance is the mean over all pairs."""
    del path
    last: list[Figures] = []

    def run() -> object:
        last[:] = [whole(setting.case, setting.rows)]
        return last

    return Trial(run=run, figures=lambda: {"pairs apart": last[0]["pairs_apart"]})


def _settings() -> tuple[Setting, ...]:
    cases = dict.fromkeys(OPTIONS, ("", "")) | PEERS
    return tuple(
        Setting(
            workload=NAME,
            case=case,
            rows=ROWS,
            parameters={"epsilon": EPSILON, "delta": DELTA, "rho": rho_of(EPSILON, DELTA)},
            data=f"records-{ROWS}.parquet",
            module=module,
            environment=environment,
            rank=48 if case in SLOW else 28,
            seconds=100 if "AIM" in case else 40,
        )
        for case, (module, environment) in cases.items()
    )


WORKLOAD = Workload(
    name=NAME,
    title="Whole synthesisers on ten columns",
    settings=_settings(),
    trial=trial,
    generate=marginals.generate,
)
