"""The translation of a pod into a podman command, on which the test of the image stands."""

import copy

import pytest
from container_command import Unsupported, command

DAEMON_SET = {
    "kind": "DaemonSet",
    "spec": {
        "template": {
            "spec": {
                "hostNetwork": True,
                "hostPID": True,
                "containers": [
                    {
                        "args": ["agent", "--node-name=$(NODE_NAME)"],
                        "securityContext": {"runAsUser": 0, "privileged": True},
                        "volumeMounts": [{"name": "run", "mountPath": "/run/evenkeel"}],
                    }
                ],
                "volumes": [{"name": "run", "hostPath": {"path": "/run/evenkeel"}}],
            }
        }
    },
}


def translate(places=None, **context):
    item = copy.deepcopy(DAEMON_SET)
    pod = item["spec"]["template"]["spec"]
    pod["containers"][0]["securityContext"].update(context)
    return command([item], "image", "name", {"NODE_NAME": "n1"}, places or {}, ["--more"])


def test_the_nodes_namespaces_are_used_and_variables_replaced():
    assert translate() == [
        "--name=name", "--network=host", "--pid=host", "--user=0", "--privileged", "--cgroupns=host",
        "--volume=/run/evenkeel:/run/evenkeel:rw", "image", "agent", "--node-name=n1", "--more",
    ]  # fmt: skip


def test_a_volume_can_be_found_elsewhere():
    assert "--volume=/lab:/run/evenkeel:rw" in translate({"run": "/lab"})


def test_what_is_dropped_and_added_is_handed_on_and_nothing_is_privileged():
    words = translate(privileged=False, capabilities={"drop": ["ALL"], "add": ["BPF"]}, allowPrivilegeEscalation=False)
    assert {"--cap-drop=ALL", "--cap-add=BPF", "--cgroupns=private", "--security-opt=no-new-privileges"} <= set(words)
    assert "--privileged" not in words


def test_what_is_not_known_is_refused():
    with pytest.raises(Unsupported, match="procMount"):
        translate(procMount="Unmasked")
