"""One module a noun; each route is thin and hands on."""
