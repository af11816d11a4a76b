"""Dates, times of day, invented calendars."""

from random import Random

from common.corpora.microproblems.draws import lines, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Parameters, Stdin

INVENTED_CALENDAR = Family(
    name="invented_calendar",
    difficulty="introductory",
    form=Stdin("One line with three integers: year, month and day, all counted from 1.", "One integer."),
    parameters={"months": (8, 9, 10, 11, 13), "days": (20, 25, 28, 32, 40), "week": (5, 6, 9)},
    wordings=(
        "A planet's year has $months months of $days days, and a week has $week days. The first day of the first year "
        "is day 1 of the week. Which day of the week (1 to $week) is the given date?",
        "$person writes a story with its own calendar: $months months a year, $days days a month, $week days a week. "
        "Year 1, month 1, day 1 is the first day of a week. Print the number of the weekday, from 1, of a date.",
    ),
    solutions=(
        """
        year, month, day = map(int, input().split())
        passed = ((year - 1) * $months + month - 1) * $days + day - 1
        print(passed % $week + 1)
        """,
        """
        year, month, day = [int(x) - 1 for x in input().split()]
        weekday = year % $week * ($months * $days % $week) + month * $days + day
        while weekday >= $week:
            weekday -= $week
        print(weekday + 1)
        """,
    ),
    draw=lambda r, p: lines([r.randint(1, r.choice((9, 3000))), r.randint(1, p.months), r.randint(1, p.days)]),
    edges=lambda p: [lines([1, 1, 1]), lines([1, 1, p.week + 1]), lines([2, 1, 1]), lines([1, p.months, p.days])],
)


LATER_DATE = Family(
    name="later_date",
    difficulty="interview",
    form=Function(("deadline", "later_date", "move_date"), ("date",), "the new date in the form $form"),
    parameters={
        "k": (1, 7, 10, 14, 20, 30, 45, 60, 90, 100, 365, 1000),
        "way": (Option("later", "+", "1"), Option("earlier", "-", "-1")),
        "form": (
            Option("day.month.year, without leading zeros", "f'{d}.{m}.{y}'"),
            Option("YYYY/MM/DD", "f'{y:04d}/{m:02d}/{d:02d}'"),
            Option("YYYY-MM-DD", "'-'.join((str(y).zfill(4), str(m).zfill(2), str(d).zfill(2)))"),
        ),
    },
    wordings=(
        "Given a date as YYYY-MM-DD (in the calendar of today, the years are 1900 to 2100), find the date $k days "
        "$way.",
        "$person has a date written like 2024-02-28 and needs the one that is $k days $way. Leap years follow the "
        "usual rule (divisible by 4, but not by 100 unless by 400); the years lie between 1900 and 2100.",
    ),
    solutions=(
        """
        from datetime import date as Date, timedelta

        def $fn(date):
            new = Date.fromisoformat(date) $way timedelta(days=$k)
            y, m, d = new.year, new.month, new.day
            return $form
        """,
        """
        def $fn(date):
            y, m, d = map(int, date.split("-"))

            def length(year, month):
                leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
                return (31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]

            for _ in range($k):
                d += $way_other
                if d == 0:
                    m -= 1
                    if m == 0:
                        y, m = y - 1, 12
                    d = length(y, m)
                elif d > length(y, m):
                    d, m = 1, m + 1
                    if m == 13:
                        y, m = y + 1, 1
            return $form
        """,
    ),
    draw=lambda r, p: [
        f"{r.choice((r.randint(1904, 2095), 2000, 2024))}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}"
    ],
    edges=lambda p: [["2024-02-28"], ["2023-03-01"], ["1999-12-31"], ["2000-01-01"], ["2096-02-29"]],
)


TIME_SUM = Family(
    name="time_sum",
    difficulty="introductory",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines is a duration: minutes, '$mark' and seconds (two "
        "digits, below 60).",
        "The $what.",
    ),
    parameters={
        "mark": (":", ".", "'", "m"),
        "what": (
            Option("sum in seconds", "sum(seconds)", "total"),
            Option(
                "sum in the form of the input",
                "str(sum(seconds) // 60) + $mark + str(sum(seconds) % 60).zfill(2)",
                "'%d%s%02d' % (total // 60, $mark, total % 60)",
            ),
            Option("sum in whole minutes, rounded down", "sum(seconds) // 60", "int(total / 60)"),
            Option(
                "sum in whole minutes, each duration rounded up by itself", "sum(-(-s // 60) for s in seconds)", "up"
            ),
            Option("longest duration in seconds", "max(seconds)", "longest"),
            Option(
                "mean duration in seconds, rounded down", "sum(seconds) // len(seconds)", "(total - total % n) // n"
            ),
        ),
    },
    wordings=(
        "The length of several songs is given in minutes and seconds, such as 3${mark}07. Find the $what.",
        "$person notes how long each telephone call takes, in the form 12${mark}05 (minutes and seconds). Compute the "
        "$what.",
    ),
    solutions=(
        """
        seconds = []
        for _ in range(int(input())):
            minutes, rest = input().split($mark)
            seconds.append(60 * int(minutes) + int(rest))
        print($what)
        """,
        """
        n = int(input())
        total = up = longest = 0
        for _ in range(n):
            text = input().strip()
            one = int(text[:-3]) * 60 + int(text[-2:])
            total += one
            up += one // 60 + (one % 60 > 0)
            longest = max(longest, one)
        print($what_other)
        """,
    ),
    draw=lambda r, p: rows([f"{r.randint(0, 12)}{p.mark}{r.randint(0, 59):02d}" for _ in range(r.randint(1, 7))]),
    edges=lambda p: [rows([f"0{p.mark}00"]), rows([f"0{p.mark}59", f"0{p.mark}01"]), rows([f"2{p.mark}00"] * 2)],
)


TIMETABLE = Family(
    name="timetable",
    difficulty="interview",
    form=Function(("next_departure", "next_bus", "wait_until"), ("now",), "the time of departure as HH:MM"),
    parameters={"first": (300, 330, 345, 360, 375), "every": (7, 12, 17, 20, 25, 40), "last": (1260, 1320)},
    wordings=(
        "A bus leaves every $every minutes, for the first time $first minutes after midnight and never later than "
        "$last minutes after midnight. Somebody comes to the stop at `now` (HH:MM). When does the next bus leave? One "
        "that leaves at this very minute can be taken; if no bus is left today, it is tomorrow's first.",
        "Trains start at minute $first of the day (midnight is minute 0), then every $every minutes, as long as the "
        "minute is at most $last. For a time `now` given as HH:MM find the first train at or after it, which may be "
        "the first one of the next day.",
    ),
    solutions=(
        """
        def $fn(now):
            hours, minutes = map(int, now.split(":"))
            wanted = 60 * hours + minutes
            for time in range($first, $last + 1, $every):
                if time >= wanted:
                    break
            else:
                time = $first
            return f"{time // 60:02d}:{time % 60:02d}"
        """,
        """
        def $fn(now):
            minute = int(now[:2]) * 60 + int(now[3:])
            rounds = max(0, -((($first) - minute) // $every))
            time = $first + rounds * $every
            if time > $last:
                time = $first
            return "%02d:%02d" % divmod(time, 60)
        """,
    ),
    draw=lambda r, p: [_clock(r.randrange(p.first - 30, 1400))],
    edges=lambda p: [["00:00"], ["23:59"], [_clock(p.first)], [_clock(p.first + p.every)], [_clock(p.last)]],
)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


WORKED_HOURS = Family(
    name="worked_minutes",
    difficulty="interview",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines holds a name, and two times as HH:MM: begin and "
        "end, the end later on the same day.",
        "A line for each person, in alphabetical order: the name and the minutes. If there is nobody, 'none'.",
    ),
    parameters={"pause": (0, 15, 30, 45), "after": (180, 240, 360), "least": (1, 60, 300)},
    wordings=(
        "From every shift of more than $after minutes a break of $pause minutes is taken off. Add up what each person "
        "worked, and print everybody with $least minutes or more.",
        "$person pays by the minute. Shifts longer than $after minutes count $pause minutes less than they last, all "
        "others in full. Print the sum for each name whose sum is at least $least.",
    ),
    solutions=(
        """
        def minutes(time):
            hour, minute = time.split(":")
            return 60 * int(hour) + int(minute)

        worked = {}
        for _ in range(int(input())):
            name, begin, end = input().split()
            length = minutes(end) - minutes(begin)
            worked[name] = worked.get(name, 0) + length - ($pause if length > $after else 0)
        lines = [f"{name} {worked[name]}" for name in sorted(worked) if worked[name] >= $least]
        print("\\n".join(lines) or "none")
        """,
        """
        from datetime import datetime
        shifts = [input().split() for _ in range(int(input()))]
        nobody = True
        for person in sorted(set(shift[0] for shift in shifts)):
            total = 0
            for name, begin, end in shifts:
                if name == person:
                    length = datetime.strptime(end, "%H:%M") - datetime.strptime(begin, "%H:%M")
                    total += length.seconds // 60
                    if length.seconds > 60 * $after:
                        total -= $pause
            if total >= $least:
                print(person, total)
                nobody = False
        if nobody:
            print("none")
        """,
    ),
    where=lambda p: p.pause > 0 or p.after == 180,
    draw=lambda r, p: rows([_shift(r, p) for _ in range(r.randint(1, 7))]),
    edges=lambda p: [
        rows([("Al", "00:00", "00:01")]),
        rows([("Al", "08:00", _clock(480 + p.after)), ("Bo", "08:00", _clock(481 + p.after))]),
        rows([("Bo", "10:00", _clock(600 + p.least)), ("Al", "22:00", "22:59")]),
    ],
)


def _shift(rng: Random, parameters: Parameters) -> tuple[str, str, str]:
    begin = rng.randint(0, 700)
    near = parameters.after + rng.choice((-1, 0, 1, 40))
    return (
        rng.choice(("Al", "Bo", "Cy")),
        _clock(begin),
        _clock(begin + rng.choice((near, *numbers(rng, 1, 400, 2, 2)))),
    )


FAMILIES = (INVENTED_CALENDAR, LATER_DATE, TIME_SUM, TIMETABLE, WORKED_HOURS)
