from pipelines.rollout import NoRollout


def test_nothing_to_tell_is_always_told():
    rollout = NoRollout()

    assert rollout.serve("1")
    rollout.go_back()
