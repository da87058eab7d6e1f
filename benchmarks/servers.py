"""Every server that is measured, with the form of its requests.

The programs and the locked requirements of the peers are in benchmarks/peers/. Each runs with one worker, its own
defaults otherwise, and predicts with one thread.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant, JsonServer, Site
from benchmarks.environments import ESPALIER
from benchmarks.errors import PeerFailed
from benchmarks.espalier_server import Espalier
from benchmarks.processes import Launch
from benchmarks.workload import FEATURES, Rows
from espalier.local.processes import free_port

__all__ = ["REFERENCE", "SERVERS"]

PEERS = Path(__file__).parent / "peers"
REFERENCE = "starlette"
"""The server whose throughput the others are compared with."""


def _start_program(site: Site, name: str, ready_path: str) -> Launch:
    command = [str(site.environment.python), str(PEERS / name / "serve.py"), str(site.port), str(site.workload.ubj)]
    return Launch(command, f"{site.url}{ready_path}", folder=site.folder)


def _start_starlette(site: Site) -> Launch:
    return _start_program(site, "starlette", "/ready")


def _start_kserve(site: Site) -> Launch:
    return _start_program(site, "kserve", "/v2/models/benchmark/ready")


def _start_mlserver(site: Site) -> Launch:
    """Without parallel workers, so that a request does not cross between two processes."""
    settings = {
        "host": "127.0.0.1",
        "http_port": site.port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
    }
    model = {
        "name": "benchmark",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": str(site.workload.json)},
    }
    (site.folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (site.folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    command = [str(site.environment.python.parent / "mlserver"), "start", "."]
    return Launch(command, f"{site.url}/v2/models/benchmark/ready", folder=site.folder)


def _start_bentoml(site: Site) -> Launch:
    command = [str(site.environment.python.parent / "bentoml"), "serve", "service:Benchmark"]
    command += ["--host", "127.0.0.1", "--port", str(site.port)]
    environment = {
        "BENCHMARK_MODEL": str(site.workload.ubj),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(site.folder / "home"),
    }
    return Launch(command, f"{site.url}/readyz", environment, folder=PEERS / "bentoml")


def _start_mlflow(site: Site) -> Launch:
    folder, python = site.folder / "model", str(site.environment.python)
    if not folder.exists():
        save = [python, str(PEERS / "mlflow" / "save.py"), str(site.workload.ubj), str(folder), str(FEATURES)]
        done = subprocess.run(save, cwd=site.folder, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise PeerFailed(f"the model cannot be saved for MLflow: {done.stderr[-500:]}")
    # What "mlflow models serve" runs with one worker and the environment that is there.
    command = [python, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(site.port), "--workers", "1"]
    command += ["mlflow.pyfunc.scoring_server.app:app"]
    environment = {"__pyfunc_model_path__": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true"}
    return Launch(command, f"{site.url}/health", environment, folder=site.folder)


def _open_inference(rows: Rows) -> dict[str, Any]:
    """Return a request of the Open Inference Protocol v2."""
    tensor = {"name": "predict", "shape": list(rows.shape), "datatype": "FP32", "data": rows.ravel().tolist()}
    return {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}


def _positive_column(answer: Any) -> list[float]:
    """Return the second of the two columns of a classifier's probabilities."""
    return [float(value) for value in answer["outputs"][0]["data"][1::2]]


SERVERS: dict[str, Contestant] = {
    server.name: server
    for server in (
        Espalier(),
        JsonServer(
            name=REFERENCE,
            title="bare Starlette",
            environment=ESPALIER,
            packages=("xgboost-cpu", "starlette", "uvicorn"),
            predict_path="/predict",
            launch=_start_starlette,
            body=lambda rows: {"data": rows.tolist()},
            read=lambda answer: answer["predictions"],
        ),
        JsonServer(
            name="kserve",
            title="KServe ModelServer",
            environment="kserve",
            packages=("kserve", "xgboost-cpu"),
            predict_path="/v1/models/benchmark:predict",
            launch=_start_kserve,
            body=lambda rows: {"instances": rows.tolist()},
            read=lambda answer: answer["predictions"],
        ),
        JsonServer(
            name="mlserver",
            title="MLServer",
            environment="mlserver",
            packages=("mlserver", "xgboost-cpu"),
            predict_path="/v2/models/benchmark/infer",
            launch=_start_mlserver,
            body=_open_inference,
            read=_positive_column,
        ),
        JsonServer(
            name="bentoml",
            title="BentoML",
            environment="bentoml",
            packages=("bentoml", "xgboost-cpu"),
            predict_path="/predict",
            launch=_start_bentoml,
            body=lambda rows: {"data": rows.tolist()},
            read=lambda answer: answer,
        ),
        JsonServer(
            name="mlflow",
            title="MLflow scoring server",
            environment="mlflow",
            packages=("mlflow", "xgboost-cpu"),
            predict_path="/invocations",
            launch=_start_mlflow,
            body=lambda rows: {"inputs": rows.tolist()},
            read=lambda answer: answer["predictions"],
        ),
    )
}
"""By name, in the order in which they are measured."""
