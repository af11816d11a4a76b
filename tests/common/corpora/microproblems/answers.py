"""Runs rows as a candidate would be run, and compares as a user would."""

import json
import subprocess
import sys

from common.corpora.microproblems.run import runner

IN_A_PROCESS = """

import json, sys
f = getattr(Solution(), {name!r}) if "Solution" in globals() else {name}
print(json.dumps([f(*arguments) for arguments in json.load(sys.stdin)]))
"""


def held_tests(row):
    held = json.loads(row["input_output"])
    return held.get("fn_name"), held["inputs"], held["outputs"]


def tokens(output):
    """Printed text without regard to white space at the ends of lines; other values as they are."""
    return [line.split() for line in output.splitlines()] if isinstance(output, str) else output


def passes(source, row):
    fn_name, inputs, outputs = held_tests(row)
    run = runner(source, fn_name)
    try:
        return all(tokens(run(given)) == tokens(expected) for given, expected in zip(inputs, outputs, strict=True))
    except Exception:
        return False


def passes_as_script(source, row, folder):
    fn_name, inputs, outputs = held_tests(row)
    script = folder / "candidate.py"
    if fn_name:
        script.write_text(source + IN_A_PROCESS.format(name=fn_name), "utf-8")
        return json.loads(_run(script, json.dumps(inputs))) == outputs
    script.write_text(source, "utf-8")
    return all(tokens(_run(script, given)) == tokens(expected) for given, expected in zip(inputs, outputs, strict=True))


def _run(script, text):
    command = [sys.executable, "-I", str(script)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8").stdout
