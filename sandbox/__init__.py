"""The application: plans, demo forces, comparison, measures, evidence, command line."""
