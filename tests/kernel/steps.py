"""A process that maps before it is recorded, and then does what it is told: a step for each line that it reads.

With the word `leak` it needs nobody to tell it: again and again it unmaps a mapping in parts.
"""

import os
import sys
import time
from pathlib import Path

from workload import LIBC, PAGE, READ, bar, in_parts, mapped, unmap

FIRST = 128  # pages: behind what the workload maps


class Steps:
    def __init__(self, path):
        self.path = path
        self.old = mapped(path, FIRST * PAGE, 16)
        self.new = 0
        self.child = 0

    def split(self):
        unmap(self.old + 4 * PAGE, 4)

    def protect(self):
        assert LIBC.mprotect(self.old + 8 * PAGE, 4 * PAGE, READ) == 0

    def map(self):
        self.new = mapped(self.path, (FIRST + 32) * PAGE, 8)

    def fork(self):
        ready, done = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            unmap(self.new + 2 * PAGE, 2)
            os.write(done, b"!")
            time.sleep(1000)
        os.read(ready, 1)

    def exit(self):
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)


def main():
    path, _ = bar("0x1af4", 2)
    if sys.argv[1:] == ["leak"]:
        for first in range(2 * FIRST, 1024, 16):  # each piece leaks once
            in_parts(path, first)
            time.sleep(0.5)
    Path("/proc/self/comm").write_text("steps")
    steps = Steps(path)
    print("ready", flush=True)
    for line in sys.stdin:
        getattr(steps, line.strip())()
        print(line, end="", flush=True)


main()
