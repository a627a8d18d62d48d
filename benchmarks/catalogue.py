"""Every workload, in the order of the page."""

from benchmarks.setting import Workload
from benchmarks.workloads import (
    attack_joins,
    compare,
    equivalence_classes,
    federated_rounds,
    marginals,
    options,
    private_group_by,
)

WORKLOADS: tuple[Workload, ...] = (
    private_group_by.WORKLOAD,
    equivalence_classes.WORKLOAD,
    marginals.WORKLOAD,
    attack_joins.WORKLOAD,
    options.WORKLOAD,
    federated_rounds.WORKLOAD,
    compare.WORKLOAD,
)
"""All of them."""
