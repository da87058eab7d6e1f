"""Processes: gunicorn, workers, connections, draining on SIGTERM."""
