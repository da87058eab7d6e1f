"""``espalier cluster``: the platform on a Kubernetes cluster of one's own, for evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.output import JsonOption, StateOption, print_json, say

__all__ = ["app"]

app = typer.Typer(
    help="Bring the platform up on a Kubernetes cluster of your own (docker and kind).", no_args_is_help=True
)

NameOption = Annotated[str, typer.Option(help="Name of the kind cluster.")]


@app.command("up")
def up(
    nodes: Annotated[int, typer.Option(min=1, max=9, envvar="NODES", help="Nodes of the cluster.")] = 3,
    port: Annotated[int, typer.Option(envvar="HTTPS_PORT", help="Port of loopback for HTTPS.")] = 9443,
    name: NameOption = "espalier",
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Make a cluster, build and load the images, install the chart, seed data, train, and make a first user.

    Run again, it does what is missing. KIND_NODE_IMAGE and CHART_MIRROR name a node image and a folder of charts of
    your own.

    Examples: `espalier cluster up`, `espalier cluster up --nodes 1 --port 10443`
    """
    from espalier.cluster.kind import KindCluster
    from espalier.cluster.up import bring_up

    at = bring_up(KindCluster(name, nodes=nodes, https_port=port), state)
    if json:
        print_json({"url": at.url, "ca": str(at.ca), "user": at.user, "password_file": str(at.password_file)})
        return
    say(f"""
Espalier serves at {at.url}. Ask it:

  export URL={at.url} CURL_CA_BUNDLE={at.ca}
  TOKEN=$(curl -s $URL/v1/auth/token -d grant_type=password -d username={at.user} \\
    --data-urlencode password@{at.password_file} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -s $URL/v1/predict -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d @docs/example-request.json
""")


@app.command("down")
def down(name: NameOption = "espalier", state: StateOption = Path(".espalier"), json: JsonOption = False) -> None:
    """Delete the cluster and everything in it.

    Example: `espalier cluster down`
    """
    import shutil

    from espalier.cluster.kind import KindCluster
    from espalier.cluster.tools import require

    require("kind", "docker")
    cluster = KindCluster(name)
    if cluster.exists():
        cluster.delete()
    shutil.rmtree(state / "cluster", ignore_errors=True)
    if json:
        print_json({"deleted": name})
    else:
        say(f"cluster {name} is gone")


@app.command("images")
def make_images(
    registry: Annotated[str, typer.Option(help="In front of the names, such as registry.example.com/team.")] = "",
    push: Annotated[bool, typer.Option("--push", help="Push them to that registry.")] = False,
    json: JsonOption = False,
) -> None:
    """Build the three images, under the names that the chart asks for.

    Examples: `espalier cluster images`, `espalier cluster images --registry registry.example.com --push`
    """
    from espalier.cluster import images
    from espalier.cluster.release import app_version
    from espalier.cluster.tools import require
    from espalier.cluster.up import build_images

    require("docker")
    names = images.image_names(registry, app_version())
    build_images(names)
    if push:
        images.push(names.values())
    if json:
        print_json(names)


@app.command("dependencies")
def fetch_dependencies(json: JsonOption = False) -> None:
    """Fetch the charts that ours is made of; a `helm install` from a checkout needs them. CHART_MIRROR may have them.

    Example: `espalier cluster dependencies`
    """
    from espalier.cluster.charts import ensure_dependencies
    from espalier.cluster.release import CHART
    from espalier.cluster.tools import require

    require("helm")
    fetched = ensure_dependencies(CHART)
    if json:
        print_json({"fetched": fetched})
    else:
        say(f"fetched into {CHART}/charts: {', '.join(fetched)}" if fetched else "all charts are there")


@app.command("deploy")
def deploy_release(
    registry: Annotated[str, typer.Option(envvar="REGISTRY", help="Registry that has the chart, at charts/espalier.")],
    values: Annotated[
        list[Path], typer.Option(envvar="VALUES", exists=True, dir_okay=False, help="Values file; may be repeated.")
    ],
    version: Annotated[
        str, typer.Option(envvar="VERSION", help="Version of the chart; default: this checkout's.")
    ] = "",
    namespace: Annotated[str, typer.Option(envvar="NAMESPACE", help="Where the release is, or will be.")] = "espalier",
    release: Annotated[str, typer.Option(help="Name of the release.")] = "espalier",
    json: JsonOption = False,
) -> None:
    """Install or upgrade a released chart where kubectl points; an upgrade that fails is rolled back.

    KUBECONFIG_CONTENT may hold the text of a kubeconfig, for CI, where it is a secret and no file.

    Example: `espalier cluster deploy --registry registry.example.com/team --version 1.2.3 --values my-values.yaml`
    """
    import os
    import tempfile

    from espalier.cluster.deploy import check_arguments, deploy
    from espalier.cluster.release import app_version
    from espalier.cluster.tools import Kube, require

    version = version or app_version()
    check_arguments(registry, version, namespace, release)
    require("kubectl", "helm")
    with tempfile.TemporaryDirectory() as folder:  # for its owner alone
        kubeconfig = ""
        if content := os.environ.get("KUBECONFIG_CONTENT"):
            kubeconfig = f"{folder}/kubeconfig"
            Path(kubeconfig).write_text(content, encoding="utf-8")
        kube = Kube(namespace, kubeconfig=kubeconfig)
        serves = deploy(kube, release, registry=registry, version=version, values=values)
    if json:
        print_json({"release": release, "version": version, "serves": serves})
        return
    say(f"{release} {version} is in the namespace {namespace}")
    if not serves:
        say(
            f"The API is ready once a first model has passed the gate; train one:\n"
            f"  kubectl -n {namespace} create job --from=cronjob/{release}-training first-training"
        )


@app.command("secrets")
def make_secrets(
    namespace: Annotated[str, typer.Option(help="Where the release is, or will be.")] = "espalier",
    release: Annotated[str, typer.Option(help="Name of the release.")] = "espalier",
    host: Annotated[str, typer.Option(help="Host name of the ingress, for its certificate.")] = "localhost",
    context: Annotated[str, typer.Option(help="Context of the kubeconfig; default: the current one.")] = "",
    slack_url_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the Slack webhook that alerts go to.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make the Secrets that the chart names, with random values, in the cluster that kubectl points at.

    For evaluation: in production they come from a secret store. What exists is left as it is.

    Example: `espalier cluster secrets --namespace espalier --host predictions.example.com`
    """
    from espalier.cluster.release import create_namespace
    from espalier.cluster.secrets import UNREACHABLE_URL, ensure_secrets
    from espalier.cluster.tools import Kube, require

    require("kubectl")
    kube = Kube(namespace, context=context)
    if not kube.exists("namespace", namespace):
        create_namespace(kube)
    slack_url = slack_url_file.read_text().strip() if slack_url_file else UNREACHABLE_URL
    made = ensure_secrets(kube, release, host, slack_url=slack_url)
    if json:
        print_json({"made": made, "namespace": namespace, "release": release})
        return
    say(f"the Secrets of {release} {'are made' if made else 'were there already'} in the namespace {namespace}")
