"""A server that kubectl takes for Kubernetes' API: it says which kinds there are, and has no objects."""

import contextlib
import http.server
import json
import threading

CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}


def discovery(objects):
    """What is answered, by path, so that the kinds of some objects are known (kubernetes.io: API discovery)."""
    kinds = {(item["apiVersion"], item["kind"]) for item in objects}
    groups = sorted({version for version, _ in kinds if "/" in version})
    answers = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources("v1", kinds)},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(version) for version in groups]},
    }
    for version in groups:
        answers[f"/apis/{version}"] = {
            "kind": "APIResourceList", "groupVersion": version, "resources": resources(version, kinds),
        }  # fmt: skip
    return answers


def group(version):
    name, number = version.split("/")
    entry = {"groupVersion": version, "version": number}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def resources(version, kinds):
    return [
        {
            "name": f"{kind.lower()}s", "singularName": kind.lower(), "kind": kind, "namespaced": kind not in CLUSTER_WIDE,
            "verbs": ["get", "list", "create", "patch"],
        }
        for group_version, kind in sorted(kinds)
        if group_version == version
    ]  # fmt: skip


@contextlib.contextmanager
def discovery_server(objects):
    """Serves on a free port of 127.0.0.1; gives its address."""
    answers = discovery(objects)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            path = self.path.partition("?")[0]
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            body = json.dumps(answers.get(path, missing)).encode()
            self.send_response(200 if path in answers else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
