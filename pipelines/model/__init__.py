"""The model in training: matrix, scores, plots, drift reference, lineage."""
