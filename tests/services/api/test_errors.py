from services.api.errors import ApiError


def every(kind):
    return {sub for child in kind.__subclasses__() for sub in (child, *every(child))}


def test_every_failure_has_a_code_of_its_own():
    codes = [kind.code for kind in every(ApiError)]

    assert "internal" not in codes
    assert len(set(codes)) == len(codes)
