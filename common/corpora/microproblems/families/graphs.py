"""Shortest ways, walks and orders in graphs."""

from random import Random

from common.corpora.microproblems.draws import lines
from common.corpora.microproblems.family import Family, Function, Option, Stdin

TOLLS = Family(
    name="tolls",
    difficulty="competition",
    form=Stdin(
        "The first line holds the number of towns n and the number of roads m. Each of the next m lines holds two "
        "towns and the length of the road between them, which can be used both ways.",
        "The lowest cost, or $never.",
    ),
    parameters={
        "k": range(8),
        "free": (0, 1, 2),
        "never": (-1, 0),
    },
    wordings=(
        "Towns are numbered from 1 to n. Each use of a road costs its length plus a toll of $k, but a road of length "
        "$free or less is free of any cost. What is the cheapest way from town 1 to town n? If there is none, print "
        "$never.",
        "$person drives from town 1 to town n and pays length + $k for every road, nothing for roads not longer than "
        "$free. Print the smallest sum, or $never if town n cannot be reached.",
    ),
    solutions=(
        """
        import heapq
        n, m = map(int, input().split())
        roads = {town: [] for town in range(1, n + 1)}
        for _ in range(m):
            a, b, length = map(int, input().split())
            cost = length + $k if length > $free else 0
            roads[a].append((cost, b))
            roads[b].append((cost, a))
        heap, done = [(0, 1)], {}
        while heap:
            cost, town = heapq.heappop(heap)
            if town not in done:
                done[town] = cost
                for more, other in roads[town]:
                    heapq.heappush(heap, (cost + more, other))
        print(done.get(n, $never))
        """,
        """
        n, m = map(int, input().split())
        roads = [list(map(int, input().split())) for _ in range(m)]
        cost = [0, 0] + [float("inf")] * (n - 1)
        for _ in range(n):
            for a, b, length in roads:
                price = 0 if length <= $free else length + $k
                cost[a] = min(cost[a], cost[b] + price)
                cost[b] = min(cost[b], cost[a] + price)
        print($never if cost[n] == float("inf") else cost[n])
        """,
    ),
    draw=lambda r, p: _road_map(r),
    edges=lambda p: [
        lines([1, 0]),
        lines([2, 0]),
        lines([2, 2], [1, 2, 9], [2, 1, 3]),
        lines([3, 3], [1, 3, 9], [1, 2, 3], [2, 3, 3]),
        lines([2, 1], [1, 2, 1]),
    ],
)


def _road_map(rng: Random) -> str:
    towns = rng.randint(3, 7)
    roads = [
        (*rng.sample(range(1, towns + 1), 2), rng.randint(1, 9)) for _ in range(rng.randint(towns - 1, 2 * towns + 1))
    ]
    return lines([towns, len(roads)], *roads)


WALKS = Family(
    name="walks",
    difficulty="competition",
    form=Function(("count_walks", "walks", "journeys"), ("n", "edges"), "this number modulo $modulus"),
    parameters={
        "k": range(2, 8),
        "what": (
            Option("that end where they began", "sum(rows[i][i] for i in range(n))", "end == start"),
            Option("from 0 to n - 1", "rows[0][n - 1]", "(start, end) == (0, n - 1)"),
            Option("in all", "sum(map(sum, rows))", "True"),
        ),
        "modulus": (97, 1009),
    },
    wordings=(
        "A directed graph has the nodes 0 to n - 1; `edges` is the list of its arrows [from, to], in which none comes "
        "twice. How many walks of exactly $k arrows are there $what? A walk may use nodes and arrows again. Count "
        "modulo $modulus.",
        "`edges` lists one-way streets [from, to] between the squares 0 to n - 1, each once. A tour takes $k streets, "
        "one after the other, possibly some of them repeatedly. Count the tours $what, modulo $modulus.",
    ),
    solutions=(
        """
        def $fn(n, edges):
            rows = [[int(i == j) for j in range(n)] for i in range(n)]
            for _ in range($k):
                new = [[0] * n for _ in range(n)]
                for a, b in edges:
                    for i in range(n):
                        new[i][b] += rows[i][a]
                rows = new
            return $what % $modulus
        """,
        """
        def $fn(n, edges):
            total = 0
            for start in range(n):
                ways = {start: 1}
                for _ in range($k):
                    onward = {}
                    for a, b in edges:
                        if a in ways:
                            onward[b] = onward.get(b, 0) + ways[a]
                    ways = onward
                total += sum(count for end, count in ways.items() if $what_other)
            return total % $modulus
        """,
    ),
    draw=lambda r, p: _arrows(r),
    edges=lambda p: [[1, []], [1, [[0, 0]]], [2, [[0, 1], [1, 0]]], [3, [[0, 1], [1, 2], [2, 0], [0, 0]]]],
)


def _arrows(rng: Random) -> list[object]:
    size = rng.randint(2, 6)
    every = [[a, b] for a in range(size) for b in range(size)]
    return [size, rng.sample(every, rng.randint(size, min(len(every), 3 * size)))]


TASK_ORDER = Family(
    name="task_order",
    difficulty="competition",
    form=Stdin(
        "The first line holds the number of tasks n and the number of rules m. Each of the next m lines holds two "
        "tasks a and b: a has to be done before b.",
        "The tasks in one line, or '$stuck'.",
    ),
    parameters={
        "pick": (
            Option("smallest", "min(ready)", "1"),
            Option("largest", "max(ready)", "-1"),
        ),
        "late": range(2, 9),
        "stuck": ("impossible", "stuck"),
    },
    wordings=(
        "Tasks are numbered from 1 to n. At each moment, of the tasks that can be done now, take the one with the "
        "$pick number; but multiples of $late are taken only while nothing else can be done. Print the order in which "
        "all tasks are done, or '$stuck' if the rules contradict each other.",
        "$person works off n tasks (1 to n). Among all tasks whose predecessors are done, the $pick number is next, "
        "where numbers divisible by $late have to wait until there is no other possible task. If some tasks can never "
        "be done, print '$stuck', otherwise the order.",
    ),
    solutions=(
        """
        n, m = map(int, input().split())
        before = {task: set() for task in range(1, n + 1)}
        for _ in range(m):
            a, b = map(int, input().split())
            before[b].add(a)
        order = []
        while before:
            ready = [task for task in before if not before[task] & before.keys()]
            if not ready:
                break
            ready = [task for task in ready if task % $late] or ready
            order.append($pick)
            del before[order[-1]]
        print($stuck if before else " ".join(map(str, order)))
        """,
        """
        import heapq
        n, m = map(int, input().split())
        waits, after = [0] * (n + 1), [[] for _ in range(n + 1)]
        for _ in range(m):
            a, b = map(int, input().split())
            waits[b] += 1
            after[a].append(b)

        def entry(task):
            return task % $late == 0, $pick_other * task, task

        heap = [entry(task) for task in range(1, n + 1) if not waits[task]]
        heapq.heapify(heap)
        order = []
        while heap:
            task = heapq.heappop(heap)[-1]
            order.append(task)
            for other in after[task]:
                waits[other] -= 1
                if not waits[other]:
                    heapq.heappush(heap, entry(other))
        print(*order if len(order) == n else [$stuck])
        """,
    ),
    draw=lambda r, p: _rules(r),
    edges=lambda p: [lines([1, 0]), lines([10, 0]), lines([2, 2], [1, 2], [2, 1]), lines([9, 1], [9, 1])],
)


def _rules(rng: Random) -> str:
    size = rng.randint(4, 12)
    order = rng.sample(range(1, size + 1), size)
    pairs = [sorted(rng.sample(range(size), 2)) for _ in range(rng.randint(1, size))]
    rules = [(order[a], order[b]) for a, b in pairs]
    if rng.random() < 0.15:
        rules.append(rules[0][::-1])
    return lines([size, len(rules)], *rules)


FAMILIES = (TOLLS, WALKS, TASK_ORDER)
