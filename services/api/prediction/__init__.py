"""From a row to an answer, and from an answer to its feedback."""
