"""The pages of `cluster.dashboards`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from cluster.dashboards import DashboardsConfig, main, pages
from tests.jobs.ray import processes


def test_each_page_is_served_from_the_folder_of_the_runs(tmp_path):
    shown = {page.name: page for page in pages(DashboardsConfig(runs=tmp_path))}
    assert f"sqlite:///{tmp_path}/mlflow.db" in shown["MLflow"].command
    assert str(tmp_path) in shown["TensorBoard"].command
    assert shown["Ray"].address == "http://127.0.0.1:8265" and "--disable-usage-stats" in shown["Ray"].command
    assert not {page.name: page for page in pages(DashboardsConfig(runs=tmp_path, head=False))}["Ray"].command


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["--runs", str(tmp_path / "none")]) == 2
    assert f"there is no folder {tmp_path / 'none'}" in capsys.readouterr().err


def test_a_port_in_use_is_named_before_anything_starts(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--runs", str(tmp_path), "--mlflow-port", str(port), "--no-head"]) == 2
    assert f"port {port}, for MLflow, is in use" in capsys.readouterr().err


@pytest.mark.slow
def test_the_pages_answer_until_ctrl_c(tmp_path):
    mlflow, board = processes.free_ports(2)
    flags = ["--runs", str(tmp_path), "--mlflow-port", str(mlflow), "--tensorboard-port", str(board), "--no-head"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cluster.dashboards", *flags], cwd=processes.ROOT, stdout=subprocess.PIPE, text=True,
        env=processes.clean_environment(DASHBOARDS=str(tmp_path)),
    )  # fmt: skip
    assert process.stdout
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            break
    pages = {port: urllib.request.urlopen(f"http://127.0.0.1:{port}").read() for port in (mlflow, board)}
    assert b"MLflow" in pages[mlflow] and b"TensorBoard" in pages[board]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    left = "a server that was left behind, to end"
    processes.wait_for(lambda: not processes.with_variable("DASHBOARDS", str(tmp_path)), left)
