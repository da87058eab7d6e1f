"""Run the stages of dvc.yaml, whole or in the two parts that a training pod keeps apart."""
