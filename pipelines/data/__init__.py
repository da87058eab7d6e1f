"""The .dvc pointers of the tables, and the export of the demo's data set."""
