"""Federated learning: models fitted across forces that never meet, on Flower."""
