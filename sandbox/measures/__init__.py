"""Measures of usefulness and fairness; each observes inside the forces and adds up."""
