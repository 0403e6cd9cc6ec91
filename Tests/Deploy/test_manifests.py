"""What deploy/ renders to: valid for Kubernetes, the same by kustomize and by Helm, and no more than is wanted.

Needs EVENKEEL_TEST_KUBECTL and EVENKEEL_TEST_HELM: run by scripts/manifests.
"""

import json
import os
import pathlib
import re
import subprocess

import kubernetes_validate
import pytest
import yaml
from discovery_server import discovery_server

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
# The oldest and the newest that the manifests are checked for.
KUBERNETES = ["1.30", "1.36"]
# Of other projects: Kubernetes' own schemas do not have them.
FOREIGN = {"PodMonitor", "PrometheusRule"}
# Each kustomization with the chart's values that say the same.
PAIRS = {
    "base": {},
    "overlays/least-privilege": {"leastPrivilege": True},
    "overlays/canary": {"nodeSelector": {"evenkeel.io/canary": "true"}},
    "overlays/prometheus": {"prometheus": {"enabled": True}},
    "cleanup": {"cleanup": True},
}


def tool(name):
    path = os.environ.get(f"EVENKEEL_TEST_{name.upper()}")
    assert path, f"EVENKEEL_TEST_{name.upper()} does not name {name}: use scripts/manifests"
    return path


def run(*command, text=None, env=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=env)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def objects(text):
    """By kind and name."""
    found = [item for item in yaml.safe_load_all(text) if item]
    named = {(item["kind"], item["metadata"]["name"]): item for item in found}
    assert len(named) == len(found), "two objects of the same kind and name"
    return named


def kustomized(path):
    return objects(run(tool("kubectl"), "kustomize", DEPLOY / path))


def helm(values):
    chart = DEPLOY / "charts/evenkeel"
    return objects(
        run(tool("helm"), "template", "evenkeel", chart, "--namespace=evenkeel", "--values=-", text=json.dumps(values))
    )


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("path", PAIRS)
def test_every_object_is_valid_and_has_no_unknown_field(path, version):
    for (kind, _), item in kustomized(path).items():
        if kind not in FOREIGN:
            kubernetes_validate.validate(item, version, strict=True)


def test_what_is_not_valid_would_be_found():
    item = kustomized("base")["DaemonSet", "evenkeel"]
    item["spec"]["template"]["spec"]["hostNetworks"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(item, KUBERNETES[-1], strict=True)


@pytest.mark.parametrize("path", PAIRS)
def test_the_chart_renders_what_kustomize_renders(path):
    expected, rendered = kustomized(path), helm(PAIRS[path])
    expected.pop(("Namespace", "evenkeel"), None)  # Helm installs into one that is there
    if path == "cleanup":
        # The chart has one set of objects for both: an agent's account does no harm in a cluster that is cleaned.
        rendered = {key: item for key, item in rendered.items() if key[0] == "DaemonSet"}
    assert set(rendered) == set(expected)
    for key in expected:
        assert rendered[key] == expected[key], key


def test_the_chart_passes_helms_own_check():
    run(tool("helm"), "lint", "--strict", DEPLOY / "charts/evenkeel")


def agent(rendered):
    (container,) = rendered["DaemonSet", "evenkeel"]["spec"]["template"]["spec"]["containers"]
    return container


def test_flags_of_the_chart_reach_the_agent():
    arguments = agent(helm({"flags": {"drain-interval": "5m", "drain-pace": 20}}))["args"]
    assert arguments[-2:] == ["--drain-interval=5m", "--drain-pace=20"]


def test_without_a_port_for_metrics_the_chart_opens_none():
    container = agent(helm({"metrics": {"port": 0}}))
    assert "ports" not in container
    assert not [argument for argument in container["args"] if "metrics" in argument]


def test_the_port_that_is_scraped_is_the_port_that_is_opened():
    rendered = kustomized("overlays/prometheus")
    (endpoint,) = rendered["PodMonitor", "evenkeel"]["spec"]["podMetricsEndpoints"]
    (port,) = agent(rendered)["ports"]
    assert endpoint["port"] == port["name"]
    assert f"--metrics-address=$(HOST_IP):{port['containerPort']}" in agent(rendered)["args"]
    pods = rendered["DaemonSet", "evenkeel"]["spec"]["template"]["metadata"]["labels"]
    assert rendered["PodMonitor", "evenkeel"]["spec"]["selector"]["matchLabels"].items() <= pods.items()


def test_the_least_privilege_is_four_capabilities_and_nothing_else():
    context = agent(kustomized("overlays/least-privilege"))["securityContext"]
    assert context["privileged"] is False
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["BPF", "NET_ADMIN", "PERFMON", "SYS_PTRACE"]}


def test_the_agent_may_read_three_kinds_of_objects_and_change_none():
    rules = kustomized("base")["ClusterRole", "evenkeel"]["rules"]
    allowed = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert allowed == {
        ("services", "list"), ("services", "watch"), ("endpointslices", "list"), ("endpointslices", "watch"),
        ("nodes", "get"),
    }  # fmt: skip


def test_every_flag_of_the_daemonset_is_one_of_the_agents():
    source = (DEPLOY.parent / "Sources/CLI/AgentCommand.swift").read_text()
    for argument in agent(kustomized("base"))["args"][1:]:
        words = argument.removeprefix("--").split("=")[0].split("-")
        name = words[0] + "".join(word.capitalize() for word in words[1:])
        assert f"  var {name}" in source, argument


def test_the_rules_of_the_operator_are_those_of_the_file():
    rules = yaml.safe_load((DEPLOY / "alerts/evenkeel.yaml").read_text())
    assert kustomized("overlays/prometheus")["PrometheusRule", "evenkeel"]["spec"] == rules


@pytest.mark.parametrize("path", PAIRS)
def test_kubectl_would_apply_it(path, tmp_path):
    """Even a dry run on the client's side asks a server for its kinds, and for each object: one that has none answers."""
    expected = kustomized(path)
    with discovery_server(expected.values()) as address:
        done = run(
            tool("kubectl"), f"--server={address}", f"--cache-dir={tmp_path}", "apply", "--dry-run=client",
            "--validate=false", "--output=name", f"--kustomize={DEPLOY / path}", env={"KUBECONFIG": "/dev/null"},
        )  # fmt: skip
    assert len(done.split()) == len(expected)


def test_there_is_one_version():
    version = re.search(r'evenkeelVersion = "(.*)"', (DEPLOY.parent / "Sources/Agent/Version.swift").read_text())[1]
    chart = yaml.safe_load((DEPLOY / "charts/evenkeel/Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == version
    assert f"ARG VERSION={version}\n" in (DEPLOY / "Dockerfile").read_text()
    assert agent(kustomized("base"))["image"] == f"evenkeel:{version}"
