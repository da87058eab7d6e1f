"""The whole platform on one machine: keys, certificate, MLflow and the API as processes of this one.

Reads:  a folder of state, ``.espalier`` by default.
Gives:  running servers that end with the ``with`` block.
Never:  is used in a cluster; there the charts do this.
"""
