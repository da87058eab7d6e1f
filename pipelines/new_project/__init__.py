"""From a table to the files of a project: what its columns are, schema.yaml and params.yaml, the pointer."""
