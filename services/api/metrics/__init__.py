"""Every metric of the API, one module a subject."""
