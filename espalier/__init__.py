"""The command ``espalier``, and what it runs: the platform on one machine, on a cluster, and under load."""
