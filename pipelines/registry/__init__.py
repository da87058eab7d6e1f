"""MLflow: runs on its tracking server, and versions in its model registry."""
