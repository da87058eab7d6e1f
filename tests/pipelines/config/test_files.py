from pipelines.config.files import hash_of_files


def test_hash_depends_on_file_boundaries(tmp_path):
    for name, text in (("a", "12"), ("b", "3"), ("c", "1"), ("d", "23")):
        (tmp_path / name).write_text(text)

    assert hash_of_files(tmp_path / "a", tmp_path / "b") != hash_of_files(tmp_path / "c", tmp_path / "d")
