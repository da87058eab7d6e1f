"""One module per resource. Routes only translate between HTTP and the other packages."""
