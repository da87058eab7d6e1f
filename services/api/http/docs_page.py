"""/docs: Swagger UI from the API's own origin, so that it works offline and trusts no other site.

Only the files of the package fastapi-swagger are used: unmodified releases of Swagger UI.
"""

from __future__ import annotations

from html import escape
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

__all__ = ["serve_docs"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets inline styles; scripts come from files only."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
"""URLs are relative, because a proxy may serve the API under a path."""

START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}


def serve_docs(app: FastAPI) -> None:
    """Add the page and its files."""
    folder = _folder()
    contents = {name: ((folder / name).read_bytes(), kind) for name, kind in FILES.items()}
    contents["start.js"] = START.encode(), "text/javascript"
    page = PAGE.format(title=escape(app.title))

    async def show(_request: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})

    async def serve(request: Request) -> Response:
        content, kind = contents[request.url.path.rpartition("/")[2]]
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(content, headers=headers, media_type=kind)

    app.add_route("/docs", show, include_in_schema=False)
    for name in contents:
        app.add_route(f"/docs/{name}", serve, include_in_schema=False)


def _folder() -> Path:
    spec = find_spec("fastapi_swagger")  # located, never imported
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("fastapi_swagger")
    return Path(spec.origin).parent / "resources"
