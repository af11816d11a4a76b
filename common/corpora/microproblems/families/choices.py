"""Dynamic programming: the best choice."""

from common.corpora.microproblems.draws import letters, lines, listing, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

SPACED_CHOICE = Family(
    name="spaced_choice",
    difficulty="interview",
    form=Function(("best_harvest", "most_gain", "choose_spaced"), ("values",), "the largest possible gain"),
    parameters={"k": range(1, 7), "cost": range(5)},
    wordings=(
        "Choose any elements of a list (or none) so that at least $k elements lie between any two that are chosen. "
        "The gain is their sum minus $cost for each of them. Make the gain as large as possible.",
        "Fields stand in a row, and `values` is what each would yield. Harvesting a field costs $cost and spoils the "
        "next $k fields on each side. What is the best total of yield minus cost? Doing nothing gives 0.",
    ),
    solutions=(
        """
        def $fn(values):
            best = [0] * (len(values) + 1)
            for i, value in enumerate(values):
                best[i + 1] = max(best[i], value - $cost + best[max(0, i - $k)])
            return best[-1]
        """,
        """
        def $fn(values):
            def search(i):
                if i >= len(values):
                    return 0
                if i not in known:
                    known[i] = max(search(i + 1), values[i] - $cost + search(i + $k + 1))
                return known[i]
            known = {}
            return search(0)
        """,
    ),
    draw=lambda r, p: [numbers(r, -3, 20, p.k, 3 * p.k + 6)],
    edges=lambda p: [[[]], [[-1, -2]], [[p.cost + 1]], [[9] * (p.k + 2)], [[9] * (p.k + 1)]],
)


EDIT_COST = Family(
    name="edit_cost",
    difficulty="competition",
    form=Stdin("Two lines, each with a word of small letters.", "The lowest cost."),
    parameters={"insertion": (1, 2, 3), "deletion": (1, 2, 4), "change": (1, 2, 3)},
    where=lambda p: p.change <= p.insertion + p.deletion,
    wordings=(
        "Turn the first word into the second at the lowest cost. To insert a letter costs $insertion, to delete one "
        "$deletion, to replace one by another $change.",
        "$person's typewriter charges $insertion for a letter put in, $deletion for a letter taken out and $change "
        "for a letter overwritten. What is the cheapest way to make the second word of the first?",
    ),
    solutions=(
        """
        a, b = input(), input()
        row = [j * $insertion for j in range(len(b) + 1)]
        for i, x in enumerate(a, 1):
            new = [i * $deletion]
            for j, y in enumerate(b, 1):
                swap = row[j - 1] + (0 if x == y else $change)
                new.append(min(swap, row[j] + $deletion, new[j - 1] + $insertion))
            row = new
        print(row[-1])
        """,
        """
        import heapq
        a = input()
        b = input()
        heap, done = [(0, 0, 0)], set()
        while heap:
            cost, i, j = heapq.heappop(heap)
            if (i, j) in done:
                continue
            done.add((i, j))
            if i == len(a) and j == len(b):
                print(cost)
                break
            if i < len(a):
                heapq.heappush(heap, (cost + $deletion, i + 1, j))
            if j < len(b):
                heapq.heappush(heap, (cost + $insertion, i, j + 1))
            if i < len(a) and j < len(b):
                heapq.heappush(heap, (cost + (a[i] != b[j]) * $change, i + 1, j + 1))
        """,
    ),
    draw=lambda r, p: lines(letters(r, "abcd", 2, 9), letters(r, "abcd", 2, 9)),
    edges=lambda p: [lines("a", "a"), lines("a", "b"), lines("abc", "abcde"), lines("abcde", "ade")],
)


KNAPSACK = Family(
    name="knapsack",
    difficulty="competition",
    form=Stdin(
        "The first line holds the capacity and the number n of kinds. Each of the next n lines holds weight and value "
        "of a kind, both positive.",
        "The largest gain.",
    ),
    parameters={
        "k": range(1, 5),
        "fee": range(3),
        "fill": (
            Option("at most", "total <= room"),
            Option("less than", "total < room"),
        ),
    },
    wordings=(
        "There are n kinds of things, $k of each. Pack things whose weights add up to $fill the capacity. The gain is "
        "the sum of their values, minus $fee for each kind that is packed at all. Find the largest gain (0 if nothing "
        "is packed).",
        "$person fills a bag: the weights together have to be $fill its capacity, of each kind there are $k pieces, "
        "and customs charge $fee for each kind in the bag. What is the best sum of values minus charges? An empty bag "
        "gives 0.",
    ),
    solutions=(
        """
        room, n = map(int, input().split())
        best = {0: 0}
        for _ in range(n):
            weight, value = map(int, input().split())
            new = dict(best)
            for load, gain in best.items():
                for pieces in range(1, $k + 1):
                    total = load + pieces * weight
                    if $fill:
                        new[total] = max(new.get(total, 0), gain + pieces * value - $fee)
            best = new
        print(max(best.values()))
        """,
        """
        room, n = map(int, input().split())
        kinds = [tuple(map(int, input().split())) for _ in range(n)]

        def search(i, load):
            if i == n:
                return 0
            result = search(i + 1, load)
            for pieces in range(1, $k + 1):
                total = load + pieces * kinds[i][0]
                if not ($fill):
                    break
                result = max(result, pieces * kinds[i][1] - $fee + search(i + 1, total))
            return result

        print(search(0, 0))
        """,
    ),
    draw=lambda r, p: rows([(r.randint(1, 9), r.randint(1, 12)) for _ in range(r.randint(2, 5))], r.randint(5, 30)),
    edges=lambda p: [rows([(5, 9)], 4), rows([(5, 9)], 5), rows([(1, 1), (2, 1)], 9), rows([(1, 8), (3, 20)], 10)],
)


GROWING = Family(
    name="growing_subsequence",
    difficulty="competition",
    form=Stdin("The first line holds n (n ≥ 1), the second line n integers.", "The length."),
    parameters={
        "k": range(1, 13),
        "way": (Option("larger", "values[i] - values[j]", ""), Option("smaller", "values[j] - values[i]", "-")),
    },
    wordings=(
        "From a sequence delete as few values as possible, so that afterwards every value is $way than the one before "
        "it by at least $k. How many values are left?",
        "$person picks $things from a row, going from left to right; each one picked must be $way than the last one "
        "picked, by $k or more. How many can be picked at most?",
    ),
    solutions=(
        """
        n = int(input())
        values = list(map(int, input().split()))
        best = []
        for i in range(n):
            best.append(1 + max((best[j] for j in range(i) if $way >= $k), default=0))
        print(max(best))
        """,
        """
        from bisect import bisect_right
        n = int(input())
        # ends[m]: the smallest end of a choice of m + 1 values; negated where they have to fall.
        ends = []
        for value in ($way_other int(x) for x in input().split()):
            place = bisect_right(ends, value - $k)
            if place == len(ends):
                ends.append(value)
            else:
                ends[place] = min(ends[place], value)
        print(len(ends))
        """,
    ),
    draw=lambda r, p: listing(numbers(r, 0, 6 * p.k, 4, 16)),
    edges=lambda p: [listing([5]), listing([0, p.k]), listing([p.k, 0, 2 * p.k]), listing([7] * 5)],
)


FAMILIES = (SPACED_CHOICE, EDIT_COST, KNAPSACK, GROWING)
