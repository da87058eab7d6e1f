"""The Open Inference Protocol, version 2: health, metadata and inference, for the clients of KServe and Triton."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from services.api.auth.scopes import Scope
from services.api.auth.tokens.access_tokens import Claims
from services.api.errors import UnknownModel
from services.api.http.counted_prediction import charged, counted_refusals, predict_and_count
from services.api.http.dependencies import Served, allow, allow_prediction
from services.api.http.inference_body import BINARY, JSON_LENGTH, read_inference
from services.api.http.media_types import JSON
from services.api.http.problems import documented_inference
from services.api.model.loaded import Model
from services.api.prediction.batches import Batches, Cost
from services.api.prediction.inference.metadata import describe_served_model, describe_server
from services.api.prediction.inference.outputs import InferenceAnswer
from services.api.prediction.inference.reader import InferenceReader
from services.api.prediction.targets.target import ServedTarget

__all__ = ["MODEL", "VERSION", "Inference", "router"]

router = APIRouter(tags=["open inference protocol"])

Predictor = Annotated[Claims, Depends(allow(Scope.PREDICT))]
Reader = Annotated[Claims, Depends(allow(Scope.MODEL_READ))]

MODEL = "/v2/models/{model_name}"
VERSION = f"{MODEL}/versions/{{model_version}}"


@dataclass(frozen=True)
class Inference:
    """What these routes use, in ``app.state.inference``."""

    reader: InferenceReader
    answer: InferenceAnswer

    @classmethod
    def of(cls, model: Model, target: ServedTarget, *, max_rows: int) -> Inference:
        """Prepare the requests and responses of a model."""
        reader = InferenceReader(model.bundle.contract, tuple(target.tensors), max_rows=max_rows)
        return cls(reader, InferenceAnswer(model, target))


@router.get("/v2/health/live")
async def read_liveness() -> dict[str, bool]:
    """Return 200 while the process answers."""
    return {"live": True}


@router.get("/v2/health/ready", responses={503: {"description": "Draining", "model": dict[str, bool]}})
async def read_readiness(services: Served, response: Response) -> dict[str, bool]:
    """Return 200 when a model is loaded (no worker listens before), and 503 after SIGTERM."""
    is_ready = not services.drain.is_draining
    if not is_ready:
        response.status_code = 503
    return {"live": True, "ready": is_ready}


@router.get("/v2", responses=documented_inference(401, 403))
@router.get("/v2/", include_in_schema=False)
async def read_server(caller: Reader) -> dict[str, Any]:  # noqa: ARG001
    """Return the name and version of the server, and the extensions of the protocol that it has."""
    return describe_server()


@router.get(MODEL, responses=documented_inference(401, 403, 404))
@router.get(VERSION, responses=documented_inference(401, 403, 404))
async def read_model_tensors(request: Request, caller: Reader, services: Served) -> dict[str, Any]:  # noqa: ARG001
    """Return the input and output tensors of the model, and its lineage."""
    _check_model(request, services.model)
    return describe_served_model(services.model, services.target)


@router.get(f"{MODEL}/ready", responses=documented_inference(401, 403, 404))
@router.get(f"{VERSION}/ready", responses=documented_inference(401, 403, 404))
async def read_model_readiness(request: Request, caller: Predictor, services: Served) -> dict[str, Any]:  # noqa: ARG001
    """Return 200 if this model, and this version of it, is served."""
    _check_model(request, services.model)
    return {"name": services.model.name, "ready": True}


INFER: dict[str, Any] = {
    "responses": documented_inference(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
    "openapi_extra": {"x-body": "tensors"},
}


@router.post(f"{MODEL}/infer", **INFER)
@router.post(f"{VERSION}/infer", **INFER)
async def infer(request: Request, caller: Annotated[Claims, Depends(allow_prediction)], services: Served) -> Response:
    """Predict rows that are sent as tensors: one for each feature, or one for all features.

    Keep the parameter `feedback_token` of the response if you will know the true labels later, and send both to
    /v1/feedback.
    """
    _check_model(request, services.model)
    inference: Inference = request.app.state.inference
    with counted_refusals(services, caller.subject):
        wanted = inference.reader.read(*await read_inference(request))
    with charged(services, caller.subject, len(wanted.matrix)):
        if len(wanted.matrix) <= services.inline_rows:
            predicted = predict_and_count(services, wanted.matrix, explain=False)
        else:
            batches: Batches = request.app.state.batches
            cost = Cost("rows", len(wanted.matrix))
            predicted = await batches.run(request, cost, predict_and_count, services, wanted.matrix, explain=False)
    has_token = len(predicted.outputs) <= services.columnar.max_feedback_rows
    body, json_bytes = inference.answer.write(
        predicted,
        wanted.outputs,
        answer_id=wanted.id or request.scope["request_id"],
        feedback_token=services.feedback_tokens.issue(caller.subject, predicted.outputs) if has_token else "",
    )
    headers = {"X-Model-Version": services.model.version, "Cache-Control": "no-store"}
    if json_bytes is None:
        return Response(body, headers=headers, media_type=JSON)
    headers[JSON_LENGTH] = str(json_bytes)
    return Response(body, headers=headers, media_type=BINARY)


def _check_model(request: Request, model: Model) -> None:
    """Check that the path names the served model, and its version if it names one."""
    asked = request.path_params
    if (asked["model_name"], asked.get("model_version", model.version)) != (model.name, model.version):
        raise UnknownModel(f"this model or version is not served here; {model.name} version {model.version} is")
