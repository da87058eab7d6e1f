"""Search for better parameters on validation rows, which are training rows: ``espalier tune``."""
