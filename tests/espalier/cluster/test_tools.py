import json
import sys

import pytest

from espalier.cluster import tools as tools_module
from espalier.cluster.errors import CommandRefused, MissingTool
from espalier.cluster.tools import Kube, follow, require, run


def test_missing_commands_are_named_with_their_download_pages(monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(MissingTool, match=r"(?s)kind: https://.*helm: https://"):
        require("kind", "helm")


def test_error_has_the_end_of_the_output():
    script = "import sys; print('\\n'.join(map(str, range(100))), file=sys.stderr); sys.exit(3)"

    with pytest.raises(CommandRefused, match=r"(?s)exited with 3:.*98\n  99$") as refused:
        run(sys.executable, "-c", script)
    assert "\n  50\n" not in str(refused.value)


def test_hanging_command_is_killed():
    with pytest.raises(CommandRefused, match="longer than"):
        run(sys.executable, "-c", "import time; time.sleep(60)", seconds=0.2)


def test_every_line_is_reported_and_the_last_ones_are_in_the_error():
    script = "import sys; print('one', flush=True); print('two'); sys.exit(4)"
    reported = []

    with pytest.raises(CommandRefused, match=r"(?s)exited with 4:.*one\n  two$"):
        follow(sys.executable, "-c", script, report=reported.append)
    assert reported == ["one", "two"]


def test_followed_hanging_command_is_killed(monkeypatch):
    monkeypatch.setattr(tools_module, "KILL_AFTER_SECONDS", 0)

    with pytest.raises(CommandRefused, match="exited with -9"):
        follow(sys.executable, "-c", "import time; time.sleep(60)", report=print, seconds=0.2)


def test_every_call_names_namespace_and_cluster(tools):
    tools.answer({"get": (0, "{}")})
    Kube("here", context="there", kubeconfig="/k").get("pods")
    Kube("here").helm("list")

    assert tools.lines() == [
        "kubectl --namespace here --context there --kubeconfig /k get pods -o json",
        "helm --namespace here list",
    ]


def test_objects_are_applied_as_one_list(tools, kube):
    kube.apply({"kind": "A"}, {"kind": "B"})

    (_name, _arguments, given), *_ = tools.calls
    assert [item["kind"] for item in json.loads(given)["items"]] == ["A", "B"]


def test_exists_uses_kubectl_get(tools, kube):
    tools.answer({"secret": (0, "secret/a\n")})

    assert kube.exists("secret", "a")
    assert not kube.exists("configmap", "a")


def test_returned_command_names_namespace_and_cluster():
    command = Kube("here", context="there", kubeconfig="/k").command("port-forward", "service/a", ":80")

    assert " ".join(command) == "kubectl --namespace here --context there --kubeconfig /k port-forward service/a :80"
