"""What runs a compiled query: an engine that holds integer-encoded tables and adds them up."""

from typing import Protocol

import pyarrow as pa

from minimisation.statistics.planner import QueryPlan


class Engine(Protocol):
    """A store's own database, or a platform for tables too large for one machine."""

    def sums(self, plan: QueryPlan) -> pa.Table:
        """Exact bounded sums before noise; never to be released.

        Returns:
            `cell`, its number in grid order, and one int64 column per entry; cells without rows
            may be absent, in any order.

        Raises:
            StoreError: if it cannot answer; the message names no value, row or path.
        """
        ...
