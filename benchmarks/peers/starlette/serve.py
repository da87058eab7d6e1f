"""The reference: the shortest server that gives the same probabilities, without any check, token or metric.

Usage: serve.py PORT MODEL
"""

import sys

import numpy as np
import orjson
import uvicorn
import xgboost as xgb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def create_app(model: str) -> Starlette:
    """Return the server of one model."""
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(model)

    async def predict(request: Request) -> Response:
        rows = np.array(orjson.loads(await request.body())["data"], dtype=np.float32)
        probabilities = booster.inplace_predict(rows, validate_features=False)
        body = orjson.dumps({"predictions": probabilities}, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(body, media_type="application/json")

    async def ready(_request: Request) -> Response:
        return Response()

    return Starlette(routes=[Route("/predict", predict, methods=["POST"]), Route("/ready", ready)])


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[2]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
    )
