"""MLflow: its tracking server, and the registry's versions."""
