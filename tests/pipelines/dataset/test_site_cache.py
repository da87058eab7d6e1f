import stat
from pathlib import Path

import pytest

from pipelines.dataset.site_cache import private_site_cache


def mode_of(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_folder_is_private_and_in_the_project(project):
    folder = private_site_cache()

    assert Path(folder) == project / ".dvc/tmp/site-cache"
    assert mode_of(folder) == 0o700


def test_open_folder_is_made_private(project):
    Path(".dvc/tmp/site-cache").mkdir(parents=True)
    Path(".dvc/tmp/site-cache").chmod(0o777)

    assert mode_of(private_site_cache()) == 0o700


def test_folder_of_the_environment_is_made_private(project, tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "elsewhere"))

    assert private_site_cache() == str(tmp_path / "elsewhere")
    assert mode_of(tmp_path / "elsewhere") == 0o700


def test_no_folder_is_created_without_a_project(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)

    private_site_cache(tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("run", ["remote", "pipeline"])
def test_dvc_uses_the_folder(pushed, settings, monkeypatch, run):
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)
    used = []
    from dvc.repo import Repo

    real = Repo.close
    monkeypatch.setattr(Repo, "close", lambda self: (used.append(self.site_cache_dir), real(self)))

    if run == "remote":
        from pipelines.dataset.pointer import load_pointer
        from pipelines.dataset.remote import Remote

        Remote(settings).has(load_pointer(Path("pipelines/data/current.yaml")))
    else:
        from pipelines.runner.run import StageFailed, run_pipeline

        with pytest.raises(StageFailed):  # there is no MLflow here, which is no matter
            run_pipeline({"PIPELINE_MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "PIPELINE_MLFLOW_RETRIES": "0"})

    assert used
    assert all(Path(folder).is_relative_to(Path(".dvc/tmp/site-cache").resolve()) for folder in used)
