"""Multiples, divisors and primes."""

from math import gcd

from common.corpora.microproblems.draws import lines, listing, numbers
from common.corpora.microproblems.family import Family, Function, Option, Stdin

MULTIPLES = Family(
    name="multiples_but_not",
    difficulty="introductory",
    form=Stdin("The first line holds n (n ≥ 1), the second line n integers.", "One integer."),
    parameters={
        "a": range(2, 10),
        "b": range(2, 10),
        "what": (Option("sum", "sum(kept)", "total"), Option("number", "len(kept)", "count")),
    },
    where=lambda p: gcd(p.a, p.b) == 1,
    wordings=(
        "Find the $what of the given integers that are divisible by $a but not by $b.",
        "$person likes multiples of $a, unless they are multiples of $b as well. What is the $what of the numbers in "
        "the list that $person likes?",
        "From a list of integers keep those that $a divides and $b does not divide. Print the $what of what is left.",
    ),
    solutions=(
        """
        n = int(input())
        kept = [x for x in map(int, input().split()) if x % $a == 0 and x % $b != 0]
        print($what)
        """,
        """
        import sys
        total = count = 0
        for token in sys.stdin.read().split()[1:]:
            value = int(token)
            if value % $a:
                continue
            if value % $b:
                total += value
                count += 1
        print($what_other)
        """,
    ),
    draw=lambda r, p: listing([p.a * x if r.random() < 0.6 else x for x in numbers(r, -40, 40)]),
    edges=lambda p: [listing([0]), listing([p.a * p.b, p.a, -p.a]), listing([p.b] * 3)],
)


COMMON_BLINK = Family(
    name="common_blink",
    difficulty="interview",
    form=Stdin("The first line holds n (n ≥ 1), the second line the n periods (1 or more).", "One integer."),
    parameters={"modulus": (7, 9, 11, 13, 16, 17, 19, 20, 23, 25, 27, 29, 31, 32, 37), "wait": (0, 2, 5)},
    wordings=(
        "n lamps blink together, and from then on each in its own period. Let t be the time until they all blink "
        "together again. Print (t + $wait) modulo $modulus.",
        "$person has several machines that need service every so many days, and all are served today. After t days "
        "they are all due on one day for the first time. Print the remainder of t + $wait divided by $modulus.",
    ),
    solutions=(
        """
        from math import lcm
        n = int(input())
        print((lcm(*map(int, input().split())) + $wait) % $modulus)
        """,
        """
        n = int(input())
        most = {}
        for x in map(int, input().split()):
            p = 2
            while x > 1:
                times = 0
                while x % p == 0:
                    x //= p
                    times += 1
                if times > most.get(p, 0):
                    most[p] = times
                p += 1
        t = 1
        for p in most:
            t *= p ** most[p]
        print((t + $wait) % $modulus)
        """,
    ),
    draw=lambda r, p: listing(numbers(r, 1, 60, 2, 6)),
    edges=lambda p: [listing([1]), listing([p.modulus]), listing([p.modulus + 1] * 2), listing([4, 6, 9, 10, 25, 49])],
)


PRIMES_WITH_REST = Family(
    name="primes_with_rest",
    difficulty="interview",
    form=Stdin("One line with two integers a and b, 1 ≤ a ≤ b ≤ 5000.", "One integer."),
    parameters={"m": range(3, 12), "rest": range(1, 11)},
    where=lambda p: p.rest < p.m and gcd(p.m, p.rest) == 1,
    wordings=(
        "How many primes p with a ≤ p ≤ b leave the remainder $rest when divided by $m?",
        "$person calls a prime good if it is $rest more than a multiple of $m (0 is a multiple). Count the good "
        "primes from a to b, both included.",
    ),
    solutions=(
        """
        a, b = map(int, input().split())
        sieve = [True] * (b + 1)
        sieve[0:2] = [False, False][:b + 1]
        for i in range(2, b + 1):
            if sieve[i]:
                for j in range(i * i, b + 1, i):
                    sieve[j] = False
        print(sum(1 for p in range(a, b + 1) if sieve[p] and p % $m == $rest))
        """,
        """
        a, b = map(int, input().split())
        count = 0
        for p in range(max(a, 2), b + 1):
            if p % $m == $rest:
                d = 2
                while d * d <= p and p % d:
                    d += 1
                count += d * d > p
        print(count)
        """,
    ),
    draw=lambda r, p: lines(sorted((r.randint(1, 300), r.randint(1, 1500)))),
    edges=lambda p: [lines([1, 1]), lines([p.rest, p.rest + p.m]), lines([1, 50]), lines([24, 28])],
)


CHOSEN_DIVISORS = Family(
    name="chosen_divisors",
    difficulty="introductory",
    form=Function(("chosen_divisors", "divisor_sum", "add_divisors"), ("n",), "their sum (0 if there is none)"),
    parameters={
        "which": (
            Option("are at least", "d >= k"),
            Option("are at most", "d <= k"),
            Option("are multiples of", "d % k == 0"),
            Option("are not multiples of", "d % k != 0"),
        ),
        "k": range(2, 10),
    },
    wordings=(
        "Add up the divisors of the positive integer n (1 and n among them) that $which $k.",
        "Given n ≥ 1, look at all positive divisors of n that $which $k. What do they sum to?",
    ),
    solutions=(
        """
        def $fn(n):
            k = $k
            return sum(d for d in range(1, n + 1) if n % d == 0 and ($which))
        """,
        """
        def $fn(n):
            k = $k
            divisors = set()
            d = 1
            while d * d <= n:
                if n % d == 0:
                    divisors.update((d, n // d))
                d += 1
            total = 0
            for d in divisors:
                if $which:
                    total += d
            return total
        """,
    ),
    draw=lambda r, p: [r.choice((r.randint(2, 30), p.k * r.randint(1, 40), r.choice((36, 360, 720, 840, 97))))],
    edges=lambda p: [[1], [p.k], [p.k * p.k], [p.k + 1]],
)


FAMILIES = (MULTIPLES, COMMON_BLINK, PRIMES_WITH_REST, CHOSEN_DIVISORS)
