"""Run the stages of dvc.yaml, all at once or in the two parts of a training pod."""
