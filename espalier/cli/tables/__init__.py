"""Tables of any length, read in batches for ``espalier predict``: CSV, JSON, JSON lines, Parquet, Arrow."""
