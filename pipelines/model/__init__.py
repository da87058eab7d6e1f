"""The model as training sees it: matrix, scores, plots, drift reference, lineage."""
