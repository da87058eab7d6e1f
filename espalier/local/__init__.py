"""The whole platform on one machine: keys, certificate, and MLflow and the API as child processes.

Reads:  the state folder, ``.espalier`` by default.
Gives:  running servers that stop when the ``with`` block ends.
Never:  runs in a cluster; the charts replace it there.
"""
