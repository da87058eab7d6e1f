import pandas as pd
import pytest

from pipelines.dataset.pointer import check_file, load_pointer
from tests.projects.tables import FOLDER, PROJECTS, table_of


@pytest.mark.parametrize("name", PROJECTS)
def test_example_ships_the_table_that_its_pointer_names(name):
    data = FOLDER / name / "pipelines/data"
    pointer = load_pointer(data / "current.yaml")

    check_file(data / pointer.name, pointer)
    assert (FOLDER / name / "pipelines/data/current.yaml").is_symlink()
    pd.testing.assert_frame_equal(
        pd.read_csv(data / pointer.name, keep_default_na=False, na_values=[""]), table_of(name)
    )
