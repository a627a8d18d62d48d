"""A force and its boundary: its store, its policy, its budget, its meter and its audit log."""
