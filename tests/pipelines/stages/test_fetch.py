import json
from pathlib import Path

from pipelines.stages.fetch import main


def test_file_is_fetched_and_verified(pushed):
    summary = main()

    data = json.loads(Path("pipelines/work/data.json").read_text())
    assert Path("pipelines/work/raw/trees.csv").exists()
    assert data["name"] == "trees.csv"
    assert data["md5"] in summary


def test_pointer_can_come_from_the_environment(pushed, monkeypatch, tmp_path):
    elsewhere = tmp_path / "mounted.dvc"
    elsewhere.write_text(Path("pipelines/data/current.yaml").read_text())
    Path("pipelines/data/current.yaml").unlink()
    monkeypatch.setenv("PIPELINE_POINTER_FILE", str(elsewhere))

    assert "trees.csv" in main()


def test_earlier_files_are_removed(pushed):
    main()
    Path("pipelines/work/raw/old.csv").write_text("old")

    main()

    assert [path.name for path in Path("pipelines/work/raw").iterdir()] == ["trees.csv"]
