"""The versioned table: its pointer and remote, how it is read, what its cells must be, which rows trained."""
