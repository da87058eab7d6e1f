"""The versioned table: pointer, remote, readers, rules for its cells, and which rows trained."""
