"""Batch scoring: predict the rows of Parquet files, each once, with one version of a model (`espalier score`)."""
