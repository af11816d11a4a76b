"""Lists of numbers: order and places."""

from common.corpora.microproblems.draws import listing, numbers
from common.corpora.microproblems.family import Family, Function, Option, Stdin

REVERSED_CHUNKS = Family(
    name="reversed_chunks",
    difficulty="introductory",
    form=Function(("flip_chunks", "reverse_blocks", "turn_blocks"), ("values",), "the list that results"),
    parameters={
        "k": range(2, 10),
        "which": (
            Option("every block", "True", "1"),
            Option("every second block, beginning with the first,", "number % 2 == 0", "2"),
            Option("every third block, beginning with the first,", "number % 3 == 0", "3"),
        ),
    },
    wordings=(
        "Cut a list into blocks of $k elements; a shorter block may be left at the end. Turn $which round and put all "
        "blocks together again in the old order.",
        "In a row of $things $person reverses $which where a block is $k neighbours (the last one has what remains). "
        "The row is given as a list of integers; what does it look like then?",
    ),
    solutions=(
        """
        def $fn(values):
            result = []
            for number, start in enumerate(range(0, len(values), $k)):
                block = values[start:start + $k]
                result += block[::-1] if $which else block
            return result
        """,
        """
        def $fn(values):
            result = list(values)
            for start in range(0, len(result), $k * $which_other):
                left, right = start, min(start + $k, len(result)) - 1
                while left < right:
                    result[left], result[right] = result[right], result[left]
                    left, right = left + 1, right - 1
            return result
        """,
    ),
    draw=lambda r, p: [numbers(r, 0, 30, p.k, 4 * p.k + 1)],
    edges=lambda p: [[[]], [[1]], [list(range(p.k))], [list(range(4 * p.k + 2))]],
)


KTH_VALUE = Family(
    name="kth_value",
    difficulty="introductory",
    form=Stdin("The first line holds n (n ≥ 1), the second line n integers.", "The value, or '$fallback'."),
    parameters={
        "k": range(2, 7),
        "which": (Option("largest", "True", "-"), Option("smallest", "False", "")),
        "repeats": (Option("only once", "set(values)", "1"), Option("as often as they come", "values", "n")),
        "fallback": ("none", "-", "too few"),
    },
    wordings=(
        "Find number $k in the order that begins with the $which value; equal values count $repeats. If there are not "
        "enough values, print '$fallback'.",
        "$person ranks n numbers, the $which one first. Which one has place $k? Numbers that are equal are listed "
        "$repeats. Print '$fallback' if nothing has this place.",
    ),
    solutions=(
        """
        n = int(input())
        values = list(map(int, input().split()))
        ordered = sorted($repeats, reverse=$which)
        print(ordered[$k - 1] if len(ordered) >= $k else $fallback)
        """,
        """
        import heapq
        n = int(input())
        heap, taken = [], {}
        for token in input().split():
            value = $which_other int(token)
            if taken.get(value, 0) < $repeats_other:
                taken[value] = taken.get(value, 0) + 1
                heapq.heappush(heap, value)
        if len(heap) < $k:
            print($fallback)
        else:
            for _ in range($k):
                value = heapq.heappop(heap)
            print($which_other value)
        """,
    ),
    draw=lambda r, p: listing(numbers(r, -9, 9, p.k, p.k + 7)),
    edges=lambda p: [listing([3]), listing([2] * p.k), listing([*range(p.k)]), listing([9, *range(p.k - 1), 9, 0, 0])],
)


PEAKS = Family(
    name="peaks",
    difficulty="introductory",
    form=Function(("find_spots", "spots", "stand_out"), ("values",), "the list of these $gives, from left to right"),
    parameters={
        "k": range(1, 9),
        "kind": (
            Option("larger", "values[i] - values[j] >= $k", "min(v - a, v - b)"),
            Option("smaller", "values[j] - values[i] >= $k", "min(a - v, b - v)"),
        ),
        "gives": (Option("positions (the first is 0)", "i", "place"), Option("values", "values[i]", "v")),
    },
    wordings=(
        "Find the elements of a list that are $kind than both neighbours by $k or more. The first and the last "
        "element have one neighbour and never count.",
        "A place inside a list (not at its ends) stands out if its value is $kind than the value before and the value "
        "after it, by at least $k each time. Find all places that stand out.",
    ),
    solutions=(
        """
        def $fn(values):
            found = []
            for i in range(1, len(values) - 1):
                if all($kind for j in (i - 1, i + 1)):
                    found.append($gives)
            return found
        """,
        """
        def $fn(values):
            triples = zip(values, values[1:], values[2:])
            return [$gives_other for place, (a, v, b) in enumerate(triples, 1) if $kind_other >= $k]
        """,
    ),
    draw=lambda r, p: [numbers(r, 0, 2 * p.k + 3, 4, 14)],
    edges=lambda p: [[[]], [[0, p.k]], [[0, p.k, 0, p.k - 1, 0]], [[p.k, 0, p.k, 1, p.k]]],
)


TO_THE_FRONT = Family(
    name="to_the_front",
    difficulty="introductory",
    form=Function(("regroup", "rearrange", "move_values"), ("values",), "the rearranged list"),
    parameters={
        "k": range(2, 10),
        "place": (Option("front", "moved + rest", "-1"), Option("back", "rest + moved", "1")),
        "order": (
            Option("in their old order", "moved", "i"),
            Option("in the reverse of their old order", "moved[::-1]", "-i"),
        ),
    },
    wordings=(
        "Move the multiples of $k in a list of integers to the $place, $order. The other values keep their order.",
        "Rearrange a list: all values divisible by $k go to the $place ($order), all others follow or precede them as "
        "they stood.",
    ),
    solutions=(
        """
        def $fn(values):
            moved = [x for x in values if x % $k == 0]
            rest = [x for x in values if x % $k != 0]
            moved = $order
            return $place
        """,
        """
        def $fn(values):
            keys = []
            for i, x in enumerate(values):
                keys.append((0, i) if x % $k else ($place_other, $order_other))
            return [values[abs(i)] for _, i in sorted(keys)]
        """,
    ),
    draw=lambda r, p: [[x * p.k if r.random() < 0.4 else x for x in numbers(r, -9, 30, 3, 12)]],
    edges=lambda p: [[[]], [[0, 1, 0]], [[p.k, 1, 2 * p.k, -1, -p.k]]],
)


FAMILIES = (REVERSED_CHUNKS, KTH_VALUE, PEAKS, TO_THE_FRONT)
