"""Prints the arguments of `podman create` for a DaemonSet's container as a kubelet would make it: what the manifests say is what is tested.

usage: container_command.py MANIFEST IMAGE --name NAME [--env NAME=VALUE]... [--volume NAME=PATH]... [-- ARGUMENT...]

MANIFEST holds rendered objects, among them one DaemonSet with one container (its probes and resources are not looked at).
--env says what the node would answer for a variable that comes from the downward API; --volume, where a hostPath volume is
to be found here; the arguments behind -- are added to the container's. They are printed one a line.
"""

import argparse
import re
import sys

import yaml


class Unsupported(Exception):
    """The pod says something that this script does not hand on: it must not be ignored."""


HANDLED = {
    "pod": {
        "hostNetwork", "hostPID", "containers", "volumes", "serviceAccountName", "dnsPolicy", "priorityClassName",
        "tolerations", "terminationGracePeriodSeconds", "nodeSelector",
    },
    "container": {
        "name", "image", "imagePullPolicy", "args", "env", "ports", "securityContext", "volumeMounts", "resources",
        "startupProbe", "livenessProbe", "readinessProbe", "terminationMessagePolicy",
    },
    "securityContext": {
        "privileged", "allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem", "runAsUser", "seccompProfile",
        "appArmorProfile", "seLinuxOptions",
    },
}  # fmt: skip


def check(kind, found):
    if unknown := set(found) - HANDLED[kind]:
        raise Unsupported(f"{kind}: {', '.join(sorted(unknown))}")


def security_flags(context):
    check("securityContext", context)
    flags = [f"--user={context['runAsUser']}"]
    if context.get("readOnlyRootFilesystem"):
        flags += ["--read-only", "--read-only-tmpfs=false"]
    if context.get("privileged"):
        # A privileged container is in the node's cgroup namespace, any other in one of its own (containerd, CRI-O).
        return [*flags, "--privileged", "--cgroupns=host"]
    flags.append("--cgroupns=private")
    if context.get("allowPrivilegeEscalation") is False:
        flags.append("--security-opt=no-new-privileges")
    if context.get("seccompProfile", {}).get("type") == "Unconfined":
        flags.append("--security-opt=seccomp=unconfined")
    if context.get("appArmorProfile", {}).get("type") == "Unconfined":
        flags.append("--security-opt=apparmor=unconfined")
    capabilities = context.get("capabilities", {})
    flags += [f"--cap-drop={name}" for name in capabilities.get("drop", [])]
    return flags + [f"--cap-add={name}" for name in capabilities.get("add", [])]


def volume_flags(pod, container, places):
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        path = places.get(mount["name"], paths[mount["name"]])
        yield f"--volume={path}:{mount['mountPath']}:{'ro' if mount.get('readOnly') else 'rw'}"


def command(objects, image, name, variables, places, arguments):
    (daemon_set,) = [item for item in objects if item["kind"] == "DaemonSet"]
    pod = daemon_set["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    check("pod", pod)
    check("container", container)
    flags = ["--network=host"] if pod.get("hostNetwork") else []
    flags += ["--pid=host"] if pod.get("hostPID") else []
    flags += security_flags(container["securityContext"])
    flags += volume_flags(pod, container, places)

    def value(match):
        return variables[match[1]]

    given = [re.sub(r"\$\((\w+)\)", value, argument) for argument in container["args"]]
    return [f"--name={name}", *flags, image, *given, *arguments]


def pairs(texts):
    return dict(text.split("=", 1) for text in texts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("manifest")
    parser.add_argument("image")
    parser.add_argument("--name", required=True)
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--volume", action="append", default=[])
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:end])
    with open(options.manifest) as file:
        objects = [item for item in yaml.safe_load_all(file) if item]
    podman = command(
        objects, options.image, options.name, pairs(options.env), pairs(options.volume), words[end + 1 :]
    )
    sys.stdout.write("".join(f"{word}\n" for word in podman))


if __name__ == "__main__":
    main()
