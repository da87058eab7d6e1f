"""One module for each resource; each route is thin and forwards."""
