"""Parquet files, decoded into Arrow streams in a process of their own."""
