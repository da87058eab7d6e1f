"""What runs as a service: one package each."""
