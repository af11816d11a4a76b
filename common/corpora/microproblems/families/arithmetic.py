"""Whole numbers: digits, clocks, machines, recurrences."""

from math import gcd

from common.corpora.microproblems.draws import lines
from common.corpora.microproblems.family import Family, Function, Option, Stdin

NUMBER_MACHINE = Family(
    name="number_machine",
    difficulty="introductory",
    form=Function(("count_steps", "machine_steps", "steps_to_zero"), ("n",), "the number of steps"),
    parameters={"d": range(2, 11), "s": range(1, 6)},
    where=lambda p: gcd(p.d, p.s) == 1,
    wordings=(
        "A machine holds a number n ≥ 0. As long as the number is positive it makes a step: a number divisible by $d "
        "is replaced by n / $d, any other number is made smaller by $s. Count the steps until the number is zero or "
        "negative.",
        "Start with n ≥ 0. While n > 0: divide n by $d if that leaves no remainder, otherwise subtract $s. How many "
        "operations are carried out?",
    ),
    solutions=(
        """
        def $fn(n):
            steps = 0
            while n > 0:
                n = n // $d if n % $d == 0 else n - $s
                steps += 1
            return steps
        """,
        """
        def $fn(n):
            def walk(value, done):
                if value <= 0:
                    return done
                whole, rest = divmod(value, $d)
                return walk(value - $s if rest else whole, done + 1)
            return walk(n, 0)
        """,
    ),
    draw=lambda r, p: [r.choice((r.randint(2, 60), r.randint(60, 5000), p.d ** r.randint(1, 5)))],
    edges=lambda p: [[0], [1], [p.d * p.s]],
)


DIGIT_POWERS = Family(
    name="digit_powers",
    difficulty="introductory",
    form=Function(("digit_power_sum", "sum_of_digits", "digit_score"), ("n",), "the sum"),
    parameters={
        "base": (*range(3, 11), 12, 16),
        "power": (
            Option("themselves", "digit", "1"),
            Option("squared", "digit * digit", "2"),
            Option("cubed", "digit ** 3", "3"),
        ),
    },
    wordings=(
        "Write the integer n ≥ 0 in base $base and add up its digits, the digits $power.",
        "The score of a number n ≥ 0 is the sum of its base-$base digits (taken $power). Compute the score of n.",
    ),
    solutions=(
        """
        def $fn(n):
            total = 0
            while n:
                n, digit = divmod(n, $base)
                total += $power
            return total
        """,
        """
        def $fn(n):
            return sum((n // $base ** place % $base) ** $power_other for place in range(n.bit_length()))
        """,
    ),
    draw=lambda r, p: [r.choice((r.randint(1, 100), r.randint(100, 10**6), r.randint(10**9, 10**15)))],
    edges=lambda p: [[0], [p.base - 1], [p.base], [p.base**3 - 1]],
)


STRANGE_CLOCK = Family(
    name="strange_clock",
    difficulty="introductory",
    form=Stdin(
        "The first line holds the time as two integers: hour and minute. The second line holds the number of minutes "
        "that pass (0 or more).",
        "Hour and minute, separated by one blank.",
    ),
    parameters={"hours": (10, 14, 16, 20, 25, 30), "minutes": (20, 36, 45, 64, 80, 100)},
    wordings=(
        "On $person's planet a day has $hours hours (0 is the first) and an hour has $minutes minutes. What does the "
        "clock show after the given number of minutes?",
        "A clock counts $minutes minutes an hour and $hours hours a day, both from zero. Given the time now, print "
        "the time some minutes later.",
    ),
    solutions=(
        """
        hour, minute = map(int, input().split())
        later = hour * $minutes + minute + int(input())
        print(later // $minutes % $hours, later % $minutes)
        """,
        """
        hour, minute = [int(x) for x in input().split()]
        minute += int(input())
        hour += minute // $minutes
        minute -= minute // $minutes * $minutes
        while hour >= $hours:
            hour -= $hours
        print(str(hour) + " " + str(minute))
        """,
    ),
    draw=lambda r, p: lines([r.randrange(p.hours), r.randrange(p.minutes)], r.randint(0, 3 * p.hours * p.minutes)),
    edges=lambda p: [
        lines([0, 0], 0),
        lines([p.hours - 1, p.minutes - 1], 1),
        lines([0, p.minutes - 1], 1),
        lines([1, 0], p.hours * p.minutes),
    ],
)


FAR_RECURRENCE = Family(
    name="far_recurrence",
    difficulty="competition",
    form=Stdin("One integer n, 0 ≤ n ≤ 10^15.", "One integer."),
    parameters={"p": range(1, 5), "q": (1, 2, 3, 5), "modulus": (97, 1009, 10007, 998244353)},
    wordings=(
        "Let f(0) = 0, f(1) = 1 and f(n) = $p * f(n - 1) + $q * f(n - 2). Print f(n) modulo $modulus. Mind that n can "
        "be very large.",
        "A colony has f(n) cells on day n: none on day 0, one on day 1, and after that f(n) = $p f(n-1) + $q f(n-2). "
        "$person wants to know f(n) modulo $modulus, also for days in the far future.",
    ),
    solutions=(
        """
        def times(a, b):
            return [[sum(x * y for x, y in zip(row, column)) % $modulus for column in zip(*b)] for row in a]

        n = int(input())
        result, step = [[1, 0], [0, 1]], [[$p, $q], [1, 0]]
        while n:
            if n % 2:
                result = times(result, step)
            step = times(step, step)
            n //= 2
        print(result[1][0] % $modulus)
        """,
        """
        n = int(input())
        m = $modulus
        # The powers of x modulo x^2 = p x + q: x^n = f(n) x + q f(n - 1).
        a, b = 0, 1
        for bit in bin(n)[2:]:
            a, b = (2 * a * b + $p * a * a) % m, (b * b + $q * a * a) % m
            if bit == "1":
                a, b = (a * $p + b) % m, a * $q % m
        print(a)
        """,
    ),
    draw=lambda r, p: lines(r.choice((r.randint(2, 12), r.randint(13, 500), r.randint(10**9, 10**15)))),
    edges=lambda p: [lines(0), lines(1), lines(2), lines(10**15)],
)


FAMILIES = (NUMBER_MACHINE, DIGIT_POWERS, STRANGE_CLOCK, FAR_RECURRENCE)
