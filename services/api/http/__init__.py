"""What a request meets: middleware, body limits, callers, routes, problem details, OpenAPI."""
