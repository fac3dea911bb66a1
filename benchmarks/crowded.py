"""A recording in which many reservations are live at once: they come, some of them go and come again, all go."""

import random

PAGE = 4096
HEADER = """\
# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
"""
RESERVE = (
    "memtype_reserve: (memtype_reserve+0x4/0x2d0) start={start:#x} end={end:#x} req=1",
    "memtype_check_insert: (memtype_check_insert+0x4/0x180) start={start:#x} end={end:#x} type=1",
    "memtype_check_insert__ret: (memtype_reserve+0x127/0x2d0 <- memtype_check_insert) ret=0 type=1",
    "memtype_reserve__ret: (pfnmap_track+0xaa/0x160 <- memtype_reserve) ret=0 start={start:#x} end={end:#x} "
    "req=1 new=1",
)
FREE = (
    "memtype_free: (memtype_free+0x4/0x110) start={start:#x} end={end:#x}",
    "memtype_erase: (memtype_erase+0x4/0x320) start={start:#x} end={end:#x}",
    "memtype_erase__ret: (memtype_free+0x7c/0x110 <- memtype_erase) ret=0xff11000101f25780",
    "memtype_free__ret: (pfnmap_track_ctx_release+0x1a/0x30 <- memtype_free) ret=0 start={start:#x} end={end:#x}",
)


def spans(count, *, over_all=False):
    """So many ranges in random order, two pages each with two between them; the first may reach over all others."""
    base = 0x1000000000
    found = [(base + 4 * index * PAGE, base + (4 * index + 2) * PAGE) for index in range(count)]
    if over_all:
        found[0] = (base, base + 4 * count * PAGE)
    random.Random(count).shuffle(found)
    return found


def write(target, count, churned, *, over_all=False):
    """Write it: `count` reservations, then `churned` times a free and a new reservation of one of them, then all frees.

    Returns how many reserves and frees there are.
    """
    live = spans(count, over_all=over_all)
    chance = random.Random(churned)
    micros = 0
    with target.open("w", encoding="ascii", buffering=1 << 20) as out:
        out.write(HEADER)

        def tell(lines, span):
            nonlocal micros
            for line in lines:
                micros += 3
                seconds, rest = divmod(micros, 1_000_000)
                text = line.format(start=span[0], end=span[1])
                out.write(f"        modprobe-612     [001] ..... {seconds:5d}.{rest:06d}: {text}\n")

        for span in live:
            tell(RESERVE, span)
        for _ in range(churned):
            span = chance.choice(live)
            tell(FREE, span)
            tell(RESERVE, span)
        for span in live:
            tell(FREE, span)
    return 2 * count + 2 * churned
