"""``espalier cluster``: the platform on a Kubernetes cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.output import JsonOption, StateOption, print_json, say

__all__ = ["app"]

app = typer.Typer(
    help="Install the platform on a Kubernetes cluster; `up` creates one with Docker and kind.", no_args_is_help=True
)

NameOption = Annotated[str, typer.Option(help="Name of the kind cluster.")]


@app.command("up")
def up(
    nodes: Annotated[int, typer.Option(min=1, max=9, envvar="NODES", help="Number of nodes.")] = 3,
    port: Annotated[int, typer.Option(envvar="HTTPS_PORT", help="HTTPS port on localhost.")] = 9443,
    name: NameOption = "espalier",
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Create a cluster, build and load the images, install the chart, seed data, train, and create a first user.

    Completed steps are skipped when you run it again. KIND_NODE_IMAGE names another node image, CHART_MIRROR a folder
    with charts.

    Examples: `espalier cluster up`, `espalier cluster up --nodes 1 --port 10443`
    """
    from espalier.cluster.kind import KindCluster
    from espalier.cluster.up import bring_up

    at = bring_up(KindCluster(name, nodes=nodes, https_port=port), state)
    if json:
        print_json({"url": at.url, "ca": str(at.ca), "user": at.user, "password_file": str(at.password_file)})
        return
    say(f"""
The API is ready at {at.url}. Try it:

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
        say(f"cluster {name} is deleted")


@app.command("images")
def make_images(
    registry: Annotated[str, typer.Option(help="Prefix of the image names, such as registry.example.com/team.")] = "",
    push: Annotated[bool, typer.Option("--push", help="Push them to that registry.")] = False,
    json: JsonOption = False,
) -> None:
    """Build the three images, with the names that the chart uses.

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
    """Fetch the charts that the chart depends on, for a `helm install` from a checkout.

    CHART_MIRROR names a folder that may have them.

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
        say(f"fetched into {CHART}/charts: {', '.join(fetched)}" if fetched else f"{CHART}/charts has all charts")


@app.command("deploy")
def deploy_release(  # noqa: PLR0913, PLR0917 - each is an option
    registry: Annotated[str, typer.Option(envvar="REGISTRY", help="Registry with the chart, at charts/espalier.")],
    values: Annotated[
        list[Path], typer.Option(envvar="VALUES", exists=True, dir_okay=False, help="Values file; may be repeated.")
    ],
    version: Annotated[
        str, typer.Option(envvar="VERSION", help="Version of the chart; default: that of this checkout.")
    ] = "",
    chart: Annotated[
        Path | None,
        typer.Option(envvar="CHART", exists=True, dir_okay=False, help="Verified chart, instead of the registry's."),
    ] = None,
    namespace: Annotated[str, typer.Option(envvar="NAMESPACE", help="Namespace of the release.")] = "espalier",
    release: Annotated[str, typer.Option(help="Name of the release.")] = "espalier",
    json: JsonOption = False,
) -> None:
    """Install or upgrade a released chart in the current cluster of kubectl; a failed upgrade is rolled back.

    KUBECONFIG_CONTENT may have the text of a kubeconfig, for CI systems that store it as a secret.

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
    with tempfile.TemporaryDirectory() as folder:  # with mode 0700
        kubeconfig = ""
        if content := os.environ.get("KUBECONFIG_CONTENT"):
            kubeconfig = f"{folder}/kubeconfig"
            Path(kubeconfig).write_text(content, encoding="utf-8")
        kube = Kube(namespace, kubeconfig=kubeconfig)
        serves = deploy(kube, release, registry=registry, version=version, values=values, chart=chart)
    if json:
        print_json({"release": release, "version": version, "serves": serves})
        return
    say(f"{release} {version} is installed in namespace {namespace}")
    if not serves:
        say(
            f"The API becomes ready when a first model has passed the gate. Train one with:\n"
            f"  kubectl -n {namespace} create job --from=cronjob/{release}-training first-training"
        )


@app.command("secrets")
def make_secrets(
    namespace: Annotated[str, typer.Option(help="Namespace of the release.")] = "espalier",
    release: Annotated[str, typer.Option(help="Name of the release.")] = "espalier",
    host: Annotated[str, typer.Option(help="Host name of the ingress, for its certificate.")] = "localhost",
    context: Annotated[str, typer.Option(help="Context of the kubeconfig; default: the current one.")] = "",
    slack_url_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="File with the Slack webhook that alerts go to.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create the Secrets that the chart needs, with random values, in the current cluster of kubectl.

    For evaluation only: in production, use a secret store. Existing Secrets are not changed.

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
    say(f"the Secrets of {release} {'were created' if made else 'already exist'} in namespace {namespace}")
