"""Use each library of the training image once, as a run does: the build fails if slim-packages removed too much.

It also compiles the libraries' modules, so that the image has bytecode only for the modules that are used.
"""

import importlib
import io
import pkgutil
import tempfile
from pathlib import Path

import botocore.session
import dask.array
import distributed.cli.dask_scheduler
import distributed.cli.dask_worker
import dvc_s3
import kubernetes.client
import kubernetes.config
import lignum
import matplotlib as mpl
import mlflow.xgboost
import numpy as np
import pandas as pd
import sklearn.metrics
import xgboost as xgb
import xgboost.dask
from dvc.repo import Repo

import espalier.cli.main
import pipelines

mpl.use("Agg")
from matplotlib import pyplot as plt

for module in pkgutil.walk_packages(pipelines.__path__, "pipelines."):
    importlib.import_module(module.name)

rng = np.random.default_rng(0)
table = pd.DataFrame({"a": rng.random(200), "b": pd.Categorical(rng.choice(["x", "y"], 200))})
truth = (table["a"] > 0.5).astype(int)  # noqa: PLR2004
matrix = xgb.DMatrix(table, label=truth, enable_categorical=True)
booster = xgb.train({"objective": "binary:logistic"}, matrix, 3)
scores = booster.inplace_predict(table)
booster.predict(matrix, pred_contribs=True)
sklearn.metrics.roc_auc_score(truth, scores)
sklearn.metrics.log_loss(truth, scores)
sklearn.metrics.average_precision_score(truth, scores)
sklearn.metrics.roc_curve(truth, scores)

figure, axes = plt.subplots()
axes.plot(truth, scores)
figure.savefig(io.BytesIO(), format="png")

with tempfile.TemporaryDirectory() as folder:
    table.to_parquet(Path(folder) / "table.parquet")
    pd.read_parquet(Path(folder) / "table.parquet")
    Repo.init(folder, no_scm=True).close()

# A scheduler and a worker in this process: the same image runs them (train.engine: dask).
with distributed.Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client:
    part = client.scatter([{"data": np.ones((4, 1), np.float32), "label": np.array([0, 1, 0, 1])}], hash=False)
    learned = xgboost.dask.DaskQuantileDMatrix(
        client, dask.array.ones((1, 1), dtype=np.float32), label=dask.array.zeros(1)
    )
    learned.worker_map = {next(iter(client.scheduler_info()["workers"])): part}
    xgboost.dask.train(client, {"objective": "binary:logistic"}, learned, 2, verbose_eval=False)

botocore.session.get_session().create_client("s3", region_name="us-east-1")
kubernetes.client.AppsV1Api(kubernetes.client.ApiClient())
kubernetes.client.CoordinationV1Api(kubernetes.client.ApiClient())
libraries = (dvc_s3, lignum, kubernetes.config, mlflow.xgboost, espalier.cli.main)
print("used", *(library.__name__ for library in libraries))  # noqa: T201
