"""`python -m benchmarks`: the same as `sandbox bench`, also where that is not mounted."""

from benchmarks.cli import main

main()
