"""The same recipe as a script for a machine without Python; what it records is a capture that replays, too."""

from __future__ import annotations

from collections.abc import Callable

from pat_check.errors import RecordError
from pat_check.record.bpftrace import program
from pat_check.record.btf_file import RUNNING, read_btf
from pat_check.record.events import fprobe, kprobe
from pat_check.record.files import Files
from pat_check.record.machine import release
from pat_check.record.probes import Definition, Recipe, recipe_for
from pat_check.record.request import Request
from pat_check.record.wanted import tracepoints_in

_BEGIN = """\
#!/bin/sh
# Records what {kernel} does with PAT memory types ({probes}), with {tool}.
# As root:  sh THIS-SCRIPT DIR COMMAND...    then, anywhere:  pat-check replay DIR
# The offsets are those of {kernel}; they are wrong on any other build.
[ $# -ge 2 ] || {{ echo "usage: $0 DIR COMMAND..." >&2; exit 2; }}
[ "$(id -u)" = 0 ] || {{ echo "$0: only root may trace the kernel" >&2; exit 2; }}
D=$1; shift
L=/sys/kernel/debug/x86/pat_memtype_list
{check}mkdir -p "$D/snaps" || exit 2
facts() {{
    cat /proc/iomem > "$D/iomem.txt"
    cat /proc/mtrr > "$D/mtrr.txt" 2>/dev/null
    printf '{{"kernel": "%s"}}\\n' "$(uname -r)" > "$D/meta.json"
}}
"""
_CHECK = """\
[ "$(uname -r)" = "{release}" ] || {{ echo "$0: is for Linux {release}, not for $(uname -r)" >&2; exit 2; }}
"""
_PROBES = """\
T=/sys/kernel/tracing; [ -d $T/instances ] || T=/sys/kernel/debug/tracing
[ -d $T/instances ] || { echo "$0: mount -t tracefs tracefs /sys/kernel/tracing" >&2; exit 2; }
E=$T/dynamic_events; [ -e $E ] || E=$T/kprobe_events
G=pat_check_$$; I=$T/instances/pat-check-$$; P=
# probe LINE...: the first that the kernel takes; @ stands for the group
probe() {
    for l; do printf '%s\\n' "${l%%@*}$G${l#*@}" >> $E && return; done 2>/dev/null
    echo "$0: refused: $1" >&2
}
# what replay must know to be recorded
taken() { sed -n "/:$G\\//p" $E > "$D/dynamic_events.txt"; }
clean() {
    trap '' INT TERM HUP
    [ -z "$P" ] || kill $P 2>/dev/null
    if [ -d $I ]; then echo 0 > $I/tracing_on; echo 0 > $I/events/enable; wait; rmdir $I; fi
    sed -n "s,^[a-z][^:]*:\\($G/[^ ]*\\).*,-:\\1,p" $E | while read -r l; do echo "$l" >> $E; done
}
trap clean EXIT
trap 'exit 130' INT TERM HUP
"""
_TRACEFS = """\
mkdir $I || exit 2
echo 0 > $I/tracing_on
echo mono > $I/trace_clock
echo {buffer} > $I/buffer_size_kb
checkpoint() {{
    echo "pat-check:checkpoint $1 $2" > $I/trace_marker
    cat $L > "$D/snaps/snap-0$1-$2.txt"
}}
{probes}
echo 1 > $I/events/$G/enable || exit 2
for e in {tracepoints}; do echo 1 > $I/events/$e/enable; done 2>/dev/null
facts; taken
cat $I/trace_pipe > "$D/trace.txt" & P=$!
echo 1 > $I/tracing_on
checkpoint 0 before
"$@"
sleep 1
checkpoint 1 after
echo 0 > $I/tracing_on
sleep 1
cat $I/per_cpu/cpu*/stats > "$D/stats.txt"
dmesg > "$D/dmesg.txt"
"""
_TRACE_CMD = """\
{probes}
facts; taken
trace-cmd record -q -C mono -b {buffer} -o "$D/trace.dat" -e $G {tracepoints} sh -c '
    T=$1; L=$2; D=$3; shift 3
    checkpoint() {{
        echo "pat-check:checkpoint $1 $2" > $T/trace_marker
        cat $L > "$D/snaps/snap-0$1-$2.txt"
    }}
    checkpoint 0 before
    "$@"
    sleep 1
    checkpoint 1 after
' sh $T $L "$D" "$@"
trace-cmd report -i "$D/trace.dat" > "$D/trace-cmd-report.txt"
dmesg > "$D/dmesg.txt"
"""
_PERF = """\
{probes}
facts; taken
cat $L > "$D/snaps/snap-00-before.txt"
perf record -q -a -m {pages} -o "$D/perf.data" -e "$G:*" {tracepoints} -- "$@"
cat $L > "$D/snaps/snap-01-after.txt"
perf script -i "$D/perf.data" > "$D/perf-script.txt"
dmesg > "$D/dmesg.txt"
"""
_BPFTRACE = """\
cat > "$D/pat-check.bt" <<'END'
{program}END
facts
cat $L > "$D/snaps/snap-00-before.txt"
bpftrace -o "$D/bpftrace.txt" -c "$*" "$D/pat-check.bt"
cat $L > "$D/snaps/snap-01-after.txt"
dmesg > "$D/dmesg.txt"
"""
_BUFFER = 8192  # kB for each CPU


def script(tool: str, request: Request, files: Files) -> str:
    """The script for `tool`, one of SCRIPTS; raises RecordError when the types of the kernel cannot be read."""
    if request.kernel_btf:
        btf, kernel = read_btf(request.kernel_btf), f"the kernel of {request.kernel_btf}"
        check = ""
    else:
        if not files.exists(RUNNING):
            raise RecordError(f"there is no {RUNNING}: give --kernel-btf vmlinux")
        btf, kernel = read_btf(files.path(RUNNING)), f"Linux {release(files)}"
        check = _CHECK.format(release=release(files))
    recipe = recipe_for(btf, request.probes)
    if not recipe.definitions:
        raise RecordError(f"{btf.path}: knows none of the functions to probe")
    begin = _BEGIN.format(kernel=_one_line(kernel), probes=request.probes, tool=tool, check=check)
    return begin + _BODIES[tool](recipe, request)


def _tracefs(recipe: Recipe, request: Request) -> str:
    tracepoints = " ".join(tracepoints_in(request.probes))
    buffer = request.buffer or _BUFFER
    return _PROBES + _TRACEFS.format(probes=_probes(recipe), tracepoints=tracepoints, buffer=buffer)


def _trace_cmd(recipe: Recipe, request: Request) -> str:
    tracepoints = " ".join(f"-e {name.replace('/', ':')}" for name in tracepoints_in(request.probes))
    buffer = request.buffer or _BUFFER
    return _PROBES + _TRACE_CMD.format(probes=_probes(recipe), tracepoints=tracepoints, buffer=buffer)


def _perf(recipe: Recipe, request: Request) -> str:
    tracepoints = " ".join(f"-e {name.replace('/', ':')}" for name in tracepoints_in(request.probes))
    pages = 1 << ((request.buffer or _BUFFER) // 4).bit_length() - 1  # perf wants a power of two
    return _PROBES + _PERF.format(probes=_probes(recipe), tracepoints=tracepoints, pages=pages)


def _bpftrace(recipe: Recipe, request: Request) -> str:
    return _BPFTRACE.format(program=program(recipe))


_BODIES: dict[str, Callable[[Recipe, Request], str]] = {
    "tracefs": _tracefs,
    "trace-cmd": _trace_cmd,
    "bpftrace": _bpftrace,
    "perf": _perf,
}

SCRIPTS: tuple[str, ...] = tuple(_BODIES)
"""The tools that a script can use."""


def _probes(recipe: Recipe) -> str:
    return "\n".join("probe " + " ".join(f"'{form}'" for form in _forms(made, recipe)) for made in recipe.definitions)


def _forms(definition: Definition, recipe: Recipe) -> list[str]:
    """The lines to try, the best first."""
    forms = [fprobe(definition, "@")] if recipe.fprobes else []
    forms.append(kprobe(definition, "@"))
    if definition.reads_arguments_at_return:
        forms.append(kprobe(definition.without_arguments(), "@"))
    return forms


def _one_line(text: str) -> str:
    """A text that can stand in a comment."""
    return "".join(char if char.isprintable() else "?" for char in text)
