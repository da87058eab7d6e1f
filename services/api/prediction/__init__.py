"""Predictions: validation, scoring, and feedback with true labels."""
