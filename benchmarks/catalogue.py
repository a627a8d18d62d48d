"""Every workload, in the order of the page."""

from benchmarks.setting import Workload
from benchmarks.workloads import (
    attack_joins,
    attack_set,
    compare,
    engines,
    equivalence_classes,
    federated_rounds,
    loading,
    marginals,
    options,
    private_group_by,
    private_statistics,
    synthesis,
    tpch,
)

WORKLOADS: tuple[Workload, ...] = (
    private_group_by.WORKLOAD,
    private_statistics.WORKLOAD,
    engines.WORKLOAD,
    tpch.WORKLOAD,
    equivalence_classes.WORKLOAD,
    marginals.WORKLOAD,
    attack_joins.WORKLOAD,
    attack_set.WORKLOAD,
    loading.WORKLOAD,
    synthesis.WORKLOAD,
    options.WORKLOAD,
    federated_rounds.WORKLOAD,
    compare.WORKLOAD,
)
"""All of them."""
