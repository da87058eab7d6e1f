"""One HTML page about the table of a project: distributions, empty cells, drift against the champion."""
