import pandas as pd
import pyarrow as pa
import pytest

from espalier.local.demo_client import keep_password, sample_rows
from pipelines.dataset.files import TEST
from pipelines.dataset.rows import write_rows
from tests.small_project import use_project


@pytest.mark.usefixtures("project")
def test_day_with_the_most_rows_is_taken():
    seen = pd.to_datetime(["2025-01-01 23:00", "2025-01-02 00:00", "2025-01-02 23:00", "2025-01-03 00:00"])
    frame = pd.DataFrame({"seen": seen, "height": [1, 2, 3, 4]})
    write_rows([frame], TEST, pa.Schema.from_pandas(frame))

    date, rows = sample_rows()

    assert (date, rows["height"].tolist()) == ("2025-01-02", [2, 3])


@pytest.mark.usefixtures("project")
def test_first_rows_are_taken_without_a_time(monkeypatch):
    use_project("wine")
    monkeypatch.setattr("espalier.local.demo_client.MOST_ROWS", 2)
    frame = pd.DataFrame({"alcohol": [1, 2, 3]})
    write_rows([frame], TEST, pa.Schema.from_pandas(frame))

    date, rows = sample_rows()

    assert (date, rows["alcohol"].tolist()) == ("", [1, 2])


def test_password_file_has_mode_0600_even_if_it_existed(tmp_path):
    path = tmp_path / "password"
    path.write_text("old")
    path.chmod(0o644)

    keep_password(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
