"""Getting jobs onto machines: what a machine offers, and how a job is handed to a Ray cluster.

    submit.py    `python -m cluster.submit`: hand a job to a cluster, follow it, print the follow-up commands
    request.py   what is handed over: the command, its run folder, its resources, whether a node can hold it (pure)
    client.py    the connection: address, token, nodes; every failure becomes a sentence with its remedy
    tokens.py    where Ray's authentication token lies, and when its client sends it (pure)
    doctor.py    `python -m cluster.doctor`: one table of what this machine and the cluster offer
    checks.py    the verdicts in that table (pure)
    facts.py     the measurements behind them
    dashboards.py  `python -m cluster.dashboards`: MLflow, Ray's dashboard and TensorBoard, until Ctrl-C

In come a command line and, from the machine, its facts; out go a job on Ray or a table. The machines themselves are
described in ray-cluster.yaml. May import common.config, common.errors, common.runs and common.cli, nothing else of
the project: a job is a command line here, never an import.
"""
