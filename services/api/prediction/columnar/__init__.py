"""Rows as columns: Arrow, Parquet and columnar JSON, read into the matrix of the model."""
