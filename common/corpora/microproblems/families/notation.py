"""Brackets, expressions, numerals."""

from random import Random

from common.corpora.microproblems.draws import lines
from common.corpora.microproblems.family import Family, Function, Option, Parameters, Stdin

BRACKETS = Family(
    name="brackets",
    difficulty="interview",
    form=Function(("nesting", "bracket_depth", "deepest"), ("text",), "the depth, or -1"),
    parameters={"pairs": ("()", "[]", "<>", "()[]", "()<>", "[]<>", "()[]<>"), "limit": range(2, 6)},
    wordings=(
        "In a text only the brackets '$pairs' count; all other characters are ignored. If they are nested correctly "
        "and never deeper than $limit, find how deep they get (0 without brackets). Otherwise the result is -1.",
        "Check the brackets '$pairs' in a text. Each has to be closed by its partner in the right order, and no more "
        "than $limit may be open at a time. Determine the largest number that is open at once, or -1 for a bad text.",
    ),
    solutions=(
        """
        def $fn(text):
            stack, deepest = [], 0
            for char in text:
                place = $pairs.find(char)
                if place < 0:
                    continue
                if place % 2 == 0:
                    stack.append(char)
                    deepest = max(deepest, len(stack))
                elif not stack or stack.pop() != $pairs[place - 1]:
                    return -1
            return -1 if stack or deepest > $limit else deepest
        """,
        """
        def $fn(text):
            kept = [char for char in text if char in $pairs]

            def parse(i, depth):
                # Where the brackets at this depth end, and how deep they get; None if they are wrong.
                deepest = depth
                while i < len(kept) and $pairs.index(kept[i]) % 2 == 0:
                    inner = parse(i + 1, depth + 1)
                    if inner is None or inner[0] == len(kept) or depth == $limit:
                        return None
                    end, deep = inner
                    if $pairs.index(kept[end]) != $pairs.index(kept[i]) + 1:
                        return None
                    i, deepest = end + 1, max(deepest, deep)
                return i, deepest

            whole = parse(0, 0)
            return -1 if whole is None or whole[0] < len(kept) else whole[1]
        """,
    ),
    draw=lambda r, p: [_nested(r, p)],
    edges=lambda p: [[""], ["([<>])"], [p.pairs[0] * (p.limit + 1) + p.pairs[1] * (p.limit + 1)], [p.pairs[1::-1]]],
)


def _nested(rng: Random, parameters: Parameters) -> str:
    text = ""
    for _ in range(rng.randint(1, parameters.limit + 2)):
        place = 2 * rng.randrange(len(parameters.pairs) // 2)
        text = rng.choice(("a", "", "(", "]") if rng.random() < 0.2 else ("", "b")) + text
        around = parameters.pairs[place] + text + parameters.pairs[place + 1]
        text = around if rng.random() < 0.8 else text + parameters.pairs[place : place + 2]
    return text


STACK_MACHINE = Family(
    name="stack_machine",
    difficulty="interview",
    form=Stdin("One line with numbers and operators, separated by blanks.", "The result, or '$wrong'."),
    parameters={
        "modulus": (10, 16, 97, 100, 256, 1000),
        "double": ("dup", "copy"),
        "minus": (
            Option("the one below minus the top", "below - top"),
            Option("the top minus the one below", "top - below"),
        ),
        "wrong": ("error", "bad"),
    },
    wordings=(
        "A machine has a stack. A number is put on it; '+', '-' and '*' take the two topmost numbers off and put "
        "their sum, difference ($minus) or product on, modulo $modulus (0 to $modulus - 1); '$double' doubles the "
        "topmost entry (it is there twice afterwards). Print what is left. If an operator finds too few numbers, or "
        "not exactly one is left, print '$wrong'.",
        "Evaluate a line in postfix notation. Results of '+', '-' and '*' are reduced modulo $modulus, never "
        "negative; '-' computes $minus, and the word '$double' pushes the top once more. If something is missing on "
        "the stack, or there is not just one number at the end, the output is '$wrong'.",
    ),
    solutions=(
        """
        def run(tokens):
            stack = []
            for token in tokens:
                if token.isdigit():
                    stack.append(int(token))
                elif token == $double:
                    if not stack:
                        return $wrong
                    stack.append(stack[-1])
                else:
                    if len(stack) < 2:
                        return $wrong
                    top, below = stack.pop(), stack.pop()
                    result = {"+": below + top, "-": $minus, "*": below * top}[token]
                    stack.append(result % $modulus)
            return stack[0] if len(stack) == 1 else $wrong

        print(run(input().split()))
        """,
        """
        import sys
        stack, answer = [], ""
        try:
            for token in sys.stdin.readline().split():
                if token == $double:
                    stack.append(stack[-1])
                elif token in "+-*":
                    top = stack.pop()
                    below = stack.pop()
                    if token == "+":
                        stack.append((below + top) % $modulus)
                    elif token == "-":
                        stack.append(($minus) % $modulus)
                    else:
                        stack.append(below * top % $modulus)
                else:
                    stack.append(int(token))
            (answer,) = stack
        except (IndexError, ValueError):
            answer = $wrong
        print(answer)
        """,
    ),
    draw=lambda r, p: lines(_postfix(r, p)),
    edges=lambda p: [lines("7"), lines("+"), lines("1 2"), lines(["3", p.double, "*", "5", "-"]), lines(p.double)],
)


def _postfix(rng: Random, parameters: Parameters) -> list[str]:
    tokens, depth = [str(rng.randint(0, 20))], 1
    for _ in range(rng.randint(2, 9)):
        kind = rng.choice((parameters.double, "number", "number"))
        if depth > 1 and rng.random() < 0.5:
            kind = rng.choice("+-*")
        tokens.append(str(rng.randint(0, 20)) if kind == "number" else kind)
        depth += -1 if kind in "+-*" else 1
    return tokens + [rng.choice("+-*") for _ in range(depth - 1)]


EXPRESSION = Family(
    name="odd_arithmetic",
    difficulty="competition",
    form=Stdin("One line with the expression, without blanks.", "The result."),
    parameters={
        "rule": (
            Option("all operators are equal and are applied from left to right", "{'+': 1, '-': 1, '*': 1}"),
            Option("addition and subtraction go before multiplication", "{'+': 2, '-': 2, '*': 1}"),
            Option("multiplication goes before addition and subtraction, as usual", "{'+': 1, '-': 1, '*': 2}"),
            Option("addition goes first, then multiplication, and subtraction last", "{'+': 3, '-': 1, '*': 2}"),
        ),
        "add": ("+", "#"),
        "modulus": (97, 100, 1000),
    },
    wordings=(
        "Evaluate an expression of numbers, brackets and the operators '$add' (addition), '-' and '*', in which "
        "$rule; operators that are equal go from left to right. Print the result modulo $modulus (0 to $modulus - 1).",
        "On $person's planet addition is written '$add', subtraction '-' and multiplication '*', and $rule (from left "
        "to right among equals); brackets are used as on Earth. What is the value of a line, reduced modulo $modulus "
        "to a number that is not negative?",
    ),
    solutions=(
        """
        import re
        strength = $rule
        tokens = re.findall("[0-9]+|.", input().replace($add, "+"))

        def apply(values, operators):
            right, left = values.pop(), values.pop()
            operator = operators.pop()
            values.append(left + right if operator == "+" else left - right if operator == "-" else left * right)

        values, operators = [], []
        for token in tokens:
            if token.isdigit():
                values.append(int(token))
            elif token == "(":
                operators.append(token)
            elif token == ")":
                while operators[-1] != "(":
                    apply(values, operators)
                operators.pop()
            else:
                while operators and operators[-1] != "(" and strength[operators[-1]] >= strength[token]:
                    apply(values, operators)
                operators.append(token)
        while operators:
            apply(values, operators)
        print(values[0] % $modulus)
        """,
        """
        text = input().replace($add, "+")
        strength = $rule

        def value(part):
            # Split at the last operator of the least strength outside of brackets.
            depth, place = 0, None
            for i, char in enumerate(part):
                depth += (char == "(") - (char == ")")
                if depth == 0 and char in "+-*":
                    if place is None or strength[char] <= strength[part[place]]:
                        place = i
            if place is None:
                return value(part[1:-1]) if part[0] == "(" else int(part)
            left, right = value(part[:place]), value(part[place + 1:])
            if part[place] == "+":
                return left + right
            return left - right if part[place] == "-" else left * right

        print(value(text) % $modulus)
        """,
    ),
    draw=lambda r, p: lines(_expression(r, r.randint(1, 3)).replace("+", p.add)),
    edges=lambda p: [lines("7"), lines(f"2{p.add}3*4-5"), lines(f"9-2{p.add}3*2"), lines("(((12)))*3-40")],
)


def _expression(rng: Random, depth: int) -> str:
    if depth == 0:
        return str(rng.randint(0, 15))
    parts = [_expression(rng, depth - 1 if rng.random() < 0.6 else 0) for _ in range(rng.randint(2, 3))]
    text = parts[0] + "".join(rng.choice("+-*") + part for part in parts[1:])
    return f"({text})" if rng.random() < 0.5 else text


NUMERALS = Family(
    name="numerals",
    difficulty="interview",
    form=Function(("write_number", "to_numeral", "spell_number"), ("n",), "the numeral as text"),
    parameters={
        "signs": (
            (("A", 1), ("B", 5), ("C", 25)),
            (("i", 1), ("o", 10), ("u", 100)),
            (("I", 1), ("T", 3), ("N", 9), ("Z", 27)),
            (("a", 1), ("k", 4), ("s", 20)),
            (("P", 1), ("Q", 2), ("R", 8), ("S", 64)),
            (("x", 1), ("y", 6), ("z", 12)),
            (("L", 1), ("M", 7), ("N", 70)),
            (("b", 1), ("d", 8), ("g", 40)),
        ),
        "order": (
            Option("the largest signs first", "1", "reversed"),
            Option("the smallest signs first", "-1", "list"),
        ),
        "zero": ("-", "0"),
    },
    wordings=(
        "A people writes numbers with signs and their values: $signs. The signs of a numeral add up, and it uses as "
        "few signs of small value as possible: always take the largest value that still fits. Write n ≥ 0 with "
        "$order; zero is '$zero'.",
        "Signs and what they are worth: $signs. Write a whole number n ≥ 0 by taking the most valuable sign that is "
        "not too much, again and again, until nothing is left, and put the signs down with $order. For n = 0 the text "
        "is '$zero'.",
    ),
    solutions=(
        """
        def $fn(n):
            text = ""
            for sign, worth in sorted($signs, key=lambda pair: -pair[1]):
                text += sign * (n // worth)
                n %= worth
            return text[::$order] or $zero
        """,
        """
        def $fn(n):
            if n == 0:
                return $zero
            worth = dict($signs)
            used = []
            while n > 0:
                sign = max((s for s in worth if worth[s] <= n), key=worth.get)
                n -= worth[sign]
                used.insert(0, sign)
            return "".join($order_other(used))
        """,
    ),
    draw=lambda r, p: [r.choice((r.randint(2, 20), r.randint(20, 120), r.randint(100, 400)))],
    edges=lambda p: [[0], [1], [p.signs[1][1]], [p.signs[-1][1] - 1], [p.signs[-1][1] + 1]],
)


FAMILIES = (BRACKETS, STACK_MACHINE, EXPRESSION, NUMERALS)
