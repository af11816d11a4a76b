"""Step by step: robots, circles of people, accounts, lifts."""

from common.corpora.microproblems.draws import letters, lines, listing, numbers
from common.corpora.microproblems.family import Family, Function, Option, Stdin

ROBOT = Family(
    name="robot",
    difficulty="introductory",
    form=Stdin("One line with the commands.", "x and y, separated by a blank."),
    parameters={
        "signs": (
            Option("N (north), E (east), S (south), W (west)", "NESW"),
            Option("U (north), R (east), D (south), L (west)", "URDL"),
            Option("^ (north), > (east), v (south), < (west)", "^>v<"),
            Option("8 (north), 6 (east), 2 (south), 4 (west)", "8624"),
        ),
        "step": range(1, 6),
        "world": (
            Option("The field has no end", "x, y"),
            Option(
                "The field is 7 by 7 cells, both coordinates run from 0 to 6, and who leaves it on one side comes "
                "back on the other",
                "x % 7, y % 7",
            ),
            Option("Both coordinates are taken modulo 12, the world is round", "x % 12, y % 12"),
        ),
    },
    wordings=(
        "A robot starts at (0, 0) and obeys the commands $signs. A command moves it $step to the north (y grows), the "
        "east (x grows), the south or the west. $world. Where does the robot end?",
        "$person steers a drone from (0, 0) with these signs: $signs. East is +x, north is +y, and each sign stands "
        "for $step cells. $world. Print the last position.",
    ),
    solutions=(
        """
        x = y = 0
        for sign in input():
            direction = "$signs".index(sign)
            x += (0, $step, 0, -$step)[direction]
            y += ($step, 0, -$step, 0)[direction]
        x, y = $world
        print(x, y)
        """,
        """
        commands = input()
        north, east, south, west = map(commands.count, "$signs")
        x, y = (east - west) * $step, (north - south) * $step
        print("%d %d" % ($world))
        """,
    ),
    draw=lambda r, p: lines(letters(r, p.signs.code + r.choice(p.signs.code) * 3, 3, 20)),
    edges=lambda p: [lines(p.signs.code[2]), lines(p.signs.code), lines(p.signs.code[1] * 12)],
)


CIRCLE = Family(
    name="circle",
    difficulty="interview",
    form=Function(("circle_game", "last_ones", "count_out"), ("n",), "the $what"),
    parameters={
        "k": range(2, 11),
        "what": (
            Option("number of the one who is left", "order[-1]", "out.pop()"),
            Option(
                "number of the one who leaves last but one (0 if n is 1)",
                "order[-2] if n > 1 else 0",
                "out[n - 2] if n > 1 else 0",
            ),
            Option("list of the first three who leave (fewer, if n is below 3)", "order[:3]", "out[:min(n, 3)]"),
        ),
    },
    wordings=(
        "n people (n ≥ 1) with the numbers 1 to n sit in a circle. Counting from number 1 on, each ${k}th person "
        "leaves the circle, and counting goes on with the next one, until all have left; the last to leave is called "
        "'left'.",
        "$person plays a counting game with n ≥ 1 children who stand in a circle, numbered from 1. Everyone who is "
        "counted as ${k} steps out; the count begins again at 1 with the next child. It ends when one is left, who "
        "then steps out as well.",
    ),
    solutions=(
        """
        def $fn(n):
            circle, order, place = list(range(1, n + 1)), [], 0
            while circle:
                place = (place + $k - 1) % len(circle)
                order.append(circle.pop(place))
            return $what
        """,
        """
        from collections import deque

        def $fn(n):
            circle, out = deque(range(n)), []
            while circle:
                circle.rotate(1 - $k)
                out.append(circle.popleft() + 1)
            return $what_other
        """,
    ),
    draw=lambda r, p: [r.randint(2, r.choice((12, 60)))],
    edges=lambda p: [[1], [2], [3], [p.k]],
)


ACCOUNT = Family(
    name="account",
    difficulty="introductory",
    form=Stdin(
        "The first line holds n (n ≥ 1), the second line n integers: positive ones are paid in, negative ones drawn "
        "out.",
        "The balance and the number of refusals, separated by a blank.",
    ),
    parameters={"fee": range(5), "limit": (0, 10, 50, 100), "bonus": (0, 1, 3)},
    wordings=(
        "An account begins with 0. Every withdrawal costs a fee of $fee on top. A withdrawal that would bring the "
        "balance below -$limit, fee included, is refused and costs nothing. For each deposit of 20 or more a bonus of "
        "$bonus is added. Print the balance at the end and how many withdrawals were refused.",
        "$person's bank lets the balance (0 at first) sink to -$limit but no further: what would go below is not "
        "carried out and only counted. A withdrawal takes $fee in addition to its amount, a deposit of at least 20 "
        "earns $bonus extra. What are balance and count in the end?",
    ),
    solutions=(
        """
        n = int(input())
        balance = refused = 0
        for amount in map(int, input().split()):
            if amount > 0:
                balance += amount + ($bonus if amount >= 20 else 0)
            elif balance + amount - $fee >= -$limit:
                balance += amount - $fee
            else:
                refused += 1
        print(balance, refused)
        """,
        """
        def after(state, amount):
            balance, refused = state
            change = amount + $bonus * (amount > 19) if amount > 0 else amount - $fee
            if amount < 0 and balance + change < -$limit:
                return balance, refused + 1
            return balance + change, refused

        input()
        state = (0, 0)
        for token in input().split():
            state = after(state, int(token))
        print("%d %d" % state)
        """,
    ),
    draw=lambda r, p: listing([r.choice((-1, 1)) * x for x in numbers(r, 1, 35, 3, 12)]),
    edges=lambda p: [
        listing([-1]),
        listing([20, 19, -39]),
        listing([30, -30 - p.limit - p.bonus + p.fee, -1]),
        listing([5, -5 - p.limit + p.fee] if p.limit + 5 > p.fee else [5, -5]),
    ],
)


ELEVATOR = Family(
    name="elevator",
    difficulty="introductory",
    form=Function(("travel_time", "lift_seconds", "ride"), ("floors",), "the seconds in all"),
    parameters={"up": range(1, 5), "down": range(1, 4), "stop": (0, 2, 5)},
    wordings=(
        "A lift waits at floor 0 and goes to the given floors one after the other. A floor up takes $up seconds, a "
        "floor down $down seconds, and at each floor of the list it stops for $stop seconds; if it is there already, "
        "that entry takes no time at all.",
        "`floors` lists where people in a lift want to go, in this order, beginning from floor 0. Moving costs $up "
        "seconds a floor upwards and $down seconds a floor downwards, each halt another $stop seconds. Going to the "
        "floor where it stands is neither a move nor a halt.",
    ),
    solutions=(
        """
        def $fn(floors):
            seconds = at = 0
            for floor in floors:
                if floor > at:
                    seconds += (floor - at) * $up + $stop
                elif floor < at:
                    seconds += (at - floor) * $down + $stop
                at = floor
            return seconds
        """,
        """
        def $fn(floors):
            moves = [b - a for a, b in zip([0] + floors, floors)]
            climbed = sum(move for move in moves if move > 0)
            lowered = -sum(move for move in moves if move < 0)
            return climbed * $up + lowered * $down + $stop * sum(map(bool, moves))
        """,
    ),
    draw=lambda r, p: [numbers(r, -2, 9, 2, 9)],
    edges=lambda p: [[[]], [[0]], [[3, 3, 0]], [[-1, 1]]],
)


FAMILIES = (ROBOT, CIRCLE, ACCOUNT, ELEVATOR)
