"""The command ``espalier``: one module a command, thin; the work is done elsewhere."""
