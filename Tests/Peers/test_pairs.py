"""Every client against every server on loopback, without an agent: nothing fails. Run with pytest.

The environment variable GRPC_GO may name the binary that scripts/grpc-go builds; it then takes part. So do those
clients of scripts/clients that are there: PEERS names the folder in which scripts/peers has built its own.
"""

import contextlib
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

HERE = pathlib.Path(__file__).parent
PYTHON = (sys.executable, "-B")
GRPC_GO, PEERS = os.environ.get("GRPC_GO"), os.environ.get("PEERS")
LOAD = ("--seconds", "1.5", "--channels", "2", "--stream-seconds", "1")

SERVERS = {"grpcio": (*PYTHON, "grpcio_server.py"), "node": ("node", "node_server.mjs")}
CLIENTS = {"grpcio": (*PYTHON, "grpcio_client.py"), "node": ("node", "node_client.mjs", "--retry-refused")}
if GRPC_GO:
    SERVERS["grpc-go"], CLIENTS["grpc-go"] = (GRPC_GO, "server"), (GRPC_GO, "client")
if PEERS:
    CLIENTS |= {"grpc-cpp": (f"{PEERS}/grpc-cpp",), "grpc-java": (f"{PEERS}/grpc-java",),
                "ruby": ("ruby", "grpc_ruby_client.rb")}
if importlib.util.find_spec("pycurl"):
    CLIENTS["curl"] = (*PYTHON, "curl_client.py")
# Those that see no trailers: they do not know who has answered.
BLIND_CLIENTS = {}
if importlib.util.find_spec("httpx"):
    BLIND_CLIENTS["httpx"] = (*PYTHON, "httpx_client.py")
if shutil.which("nghttp"):
    BLIND_CLIENTS["nghttp"] = (*PYTHON, "nghttp_client.py")
# What an ordinary client is asked to do with each server that is odd, but speaks HTTP/2.
ODD_GRPC_SERVERS = {
    "own-goaway": (), "continuation": (), "big-frames": (), "bytewise": ("--bodies", "1,1000"),
}
ODD_KINDS = (*ODD_GRPC_SERVERS, "tls", "http1", "lookalike")


def odd_server(kind: str) -> tuple[str, ...]:
    return (*PYTHON, "odd_server.py", "--kind", kind)


def odd_client(kind: str) -> tuple[str, ...]:
    return (*PYTHON, "odd_client.py", "--kind", kind)


@contextlib.contextmanager
def running(command: tuple[str, ...], host: str = "127.0.0.1") -> Iterator[str]:
    """Runs a server; it must say that it is ready, and end by SIGTERM with a report."""
    server = subprocess.Popen([*command, "--listen", f"{host}:0", "--name", "a"], cwd=HERE,
                              stdout=subprocess.PIPE, text=True)
    try:
        ready, port = server.stdout.readline().split()
        assert ready == "ready"
        yield f"{host}:{port}"
        server.send_signal(signal.SIGTERM)
        out, _ = server.communicate(timeout=30)
        assert json.loads(out.splitlines()[-1])["event"] == "done"
        assert server.returncode == 0
    finally:
        server.kill()
        server.wait()


def report_of(command: tuple[str, ...], target: str) -> dict:
    """Runs a client, which must not fail; returns its last line."""
    run = subprocess.run([*command, "--target", target], cwd=HERE, stdout=subprocess.PIPE, text=True, timeout=120)
    report = json.loads(run.stdout.splitlines()[-1])
    assert (run.returncode, report["event"], report["failed"]) == (0, "done", 0), report
    assert report["ok"] > 0
    return report


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("server", SERVERS)
def test_every_client_gets_on_with_every_server(server, client, host):
    with running(SERVERS[server], host) as target:
        report = report_of((*CLIENTS[client], *LOAD), target)
    assert (report["connections"], report["reconnects"]) == (2, 0)
    assert report["by_server"] == {"a": report["ok"]}


@pytest.mark.parametrize("client", BLIND_CLIENTS)
@pytest.mark.parametrize("server", SERVERS)
def test_clients_that_see_no_trailers_check_their_answers(server, client):
    with running(SERVERS[server]) as target:
        report_of((*BLIND_CLIENTS[client], *LOAD), target)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("kind", ODD_GRPC_SERVERS)
def test_every_client_gets_on_with_odd_servers(kind, client):
    with running(odd_server(kind)) as target:
        report = report_of((*CLIENTS[client], *LOAD, *ODD_GRPC_SERVERS[kind]), target)
    assert (report["reconnects"] > 0) == (kind == "own-goaway")


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_the_odd_client_finds_the_odd_server_odd_and_unharmed(kind):
    with running(odd_server(kind)) as target:
        report_of((*odd_client(kind), *LOAD), target)


def test_the_odd_client_fails_if_the_server_is_not_odd():
    with running(SERVERS["grpcio"]) as target, pytest.raises(AssertionError, match="the server is not odd"):
        report_of((*odd_client("continuation"), *LOAD), target)


@pytest.mark.parametrize("server", SERVERS)
def test_a_client_that_stops_reading_gets_all_of_a_body(server):
    with running(SERVERS[server]) as target:
        report_of((*odd_client("stalled"), "--seconds", "1", "--stall", "1"), target)


@pytest.mark.parametrize("server", SERVERS)
def test_a_recording_is_found_correct(server, tmp_path):
    with running(SERVERS[server]) as target:
        recorded = report_of((*PYTHON, "recorder.py", "--record", str(tmp_path), *LOAD), target)
    check = subprocess.run([*PYTHON, "check_stream.py", tmp_path], cwd=HERE, stdout=subprocess.PIPE, text=True)
    report = json.loads(check.stdout)
    assert check.returncode == 0, report
    assert (report["connections"], report["answers"], report["cut"]) == (2, recorded["ok"], 0)


def test_an_empty_folder_of_recordings_is_no_success(tmp_path):
    assert subprocess.run([*PYTHON, "check_stream.py", tmp_path], cwd=HERE, stdout=subprocess.DEVNULL).returncode == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_ends_by_sigterm_with_a_report(client):
    with running(SERVERS["grpcio"]) as target:
        run = subprocess.Popen([*CLIENTS[client], *LOAD, "--seconds", "600", "--target", target], cwd=HERE,
                               stdout=subprocess.PIPE, text=True)
        try:
            assert json.loads(run.stdout.readline())["event"] == "progress"
            run.send_signal(signal.SIGTERM)
            out, _ = run.communicate(timeout=60)
            assert (json.loads(out.splitlines()[-1])["event"], run.returncode) == ("done", 0)
        finally:
            run.kill()
            run.wait()
