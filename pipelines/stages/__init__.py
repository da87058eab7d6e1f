"""One module a stage of dvc.yaml; no stage imports another."""
