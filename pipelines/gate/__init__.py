"""The gate: decide whether a model may replace the champion."""
