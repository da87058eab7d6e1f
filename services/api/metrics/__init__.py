"""Every metric of the API, one module per subject."""
