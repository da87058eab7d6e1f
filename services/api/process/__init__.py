"""The operating system's side: gunicorn, workers, connections, draining on SIGTERM."""
