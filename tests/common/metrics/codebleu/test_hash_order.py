"""Against the interpreter itself, under the seed that is meant."""

import json
import os
import random
import subprocess
import sys

from common.metrics.codebleu.hash_order import hash_order, string_hash

SIGNS = "abcxyz_0 éλ中😀"


def test_the_order_is_cpythons_under_seed_0():
    draw = random.Random(3)
    lists = [
        ["".join(draw.choices(SIGNS, k=draw.randrange(25))) for _ in range(draw.randrange(1, 90))] for _ in range(300)
    ]
    script = "import json, sys; print(json.dumps([[list(set(l)), hash(l[0])] for l in json.load(sys.stdin)]))"
    told = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(lists),
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    for names, (order, first_hash) in zip(lists, json.loads(told.stdout), strict=True):
        assert list(hash_order(names)) == order
        assert string_hash(names[0]) == first_hash % 2**64
