"""The workloads: one file each, with its settings, its data and what is timed."""
