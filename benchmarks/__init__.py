"""The benchmark: Espalier's prediction API and its peers with the same model, in one interleaved run.

Reads:  benchmarks/peers/ (a locked environment and a server program for each peer), uv.lock (Espalier's own).
Gives:  results as JSON, and with --write-docs the tables and the plot of docs/benchmarks.md.
Never:  imports services or pipelines: the API is started by its command line and asked over HTTP.
"""
