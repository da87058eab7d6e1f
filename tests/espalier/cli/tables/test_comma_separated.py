import pytest

from espalier.cli.output import CommandFailed
from espalier.cli.tables.batch import Wanted
from espalier.cli.tables.comma_separated import CsvSource

FEATURES = [{"name": name, "type": name} for name in ("float", "int", "bool", "category")]


@pytest.fixture
def read(tmp_path):
    def make(*lines, **options):
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(["float,int,bool,category", *lines]), encoding="utf-8-sig")
        return [batch.rows for batch in CsvSource(path).batches(Wanted(FEATURES, **options))]

    return make


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("3.5,12,true,pear", (3.5, 12, True, "pear")),
        (",,,", (None, None, None, None)),
        ("1e3,12.0,0,7", (1000.0, 12, False, "7")),
        ("tall,12.5,maybe,", ("tall", 12.5, "maybe", None)),
        ("nan,inf,TRUE,nan", ("nan", "inf", True, "nan")),
        ("3.5", (3.5, None, None, None)),
    ],
)
def test_cells_get_the_types_of_the_contract(read, line, row):
    ((found,),) = read(line)

    assert tuple(found.values()) == row
    assert [type(value) for value in found.values()] == [type(value) for value in row]


def test_batch_with_a_wrong_value_stays_a_list(read):
    good, wrong = read("3.5,12,true,pear", "3.5,12.5,true,pear", as_arrow=True, size=1)

    assert good.to_pylist() == [{"float": 3.5, "int": 12, "bool": True, "category": "pear"}]
    assert wrong == [{"float": 3.5, "int": 12.5, "bool": True, "category": "pear"}]


def test_optional_column_may_be_absent(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("int\n12\n")
    optional = {"name": "float", "type": "float", "optional": True}

    ((found,),) = [batch.rows for batch in CsvSource(path).batches(Wanted([optional, FEATURES[1]]))]

    assert found == {"int": 12}
    with pytest.raises(CommandFailed, match="no column float, which the model needs"):
        list(CsvSource(path).batches(Wanted(FEATURES[:2])))
