"""How good and how safe a synthetic table is: pure functions of a target and a released table.

Each takes Arrow tables and counts in DuckDB; none knows of forces. They are run inside a force by
the measures of `sandbox`, and on published tables by the tests that check them.
"""
