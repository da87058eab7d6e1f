"""HTTP: middleware, body limits, authentication of callers, routes, problem details, OpenAPI."""
