"""From a versioned table to a gated, signed, registered model: one module a stage, files between them."""
