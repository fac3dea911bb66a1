"""The shell of the printed scripts: what POSIX sh and busybox understand.

A signal ends the command, or the tool that runs it, and the rest of the capture is saved all the same.
"""

from __future__ import annotations

BEGIN: str = """\
#!/bin/sh
# Records what {kernel} does with PAT memory types ({probes}), with {tool}.
# As root:  sh THIS-SCRIPT DIR COMMAND...    then, anywhere:  pat-check replay DIR
# The offsets are those of {kernel}; they are wrong on any other build.
die() {{ echo "$0: $1" >&2; exit 2; }}
[ $# -ge 2 ] || die "usage: $0 DIR COMMAND..."
[ "$(id -u)" = 0 ] || die "only root may trace the kernel"
D=$1; shift
L=/sys/kernel/debug/x86/pat_memtype_list
{check}{needs}[ -z "$(ls -A "$D" 2>/dev/null)" ] || die "$D is not empty: choose another directory"
mkdir -p "$D/snaps" || exit 2
{{ printf pat-check > /proc/$$/comm; }} 2>/dev/null # a recorder is told by its name
facts() {{
    cat /proc/iomem > "$D/iomem.txt"
    cat /proc/mtrr > "$D/mtrr.txt" 2>/dev/null
    printf '{{"kernel": "%s"}}\\n' "$(uname -r)" > "$D/meta.json"
}}
exec 3<&0
W=; P=; K={ends_work}; Q={ends_tool}
# work COMMAND...: until it ends, which a signal makes it do
work() {{
    "$@" <&3 & W=$!
    while wait $W; kill -0 $W 2>/dev/null; do :; done
    W=
}}
stop() {{ [ -n "$W" ] || exit 130; kill -$K $W 2>/dev/null; K=KILL; }}
clean() {{
    trap '' INT TERM HUP
    [ -z "$W" ] || kill -$K $W 2>/dev/null
    [ -z "$P" ] || kill -$Q $P 2>/dev/null
    wait
    undo
}}
undo() {{ :; }}
trap clean EXIT
trap stop INT TERM HUP
"""

CHECK: str = """\
[ "$(uname -r)" = "{release}" ] || die "is for Linux {release}, not for $(uname -r)"
"""

NEEDS: str = """\
command -v {tool} > /dev/null || die "{tool} is not installed"
"""

PROBES: str = """\
T=/sys/kernel/tracing; [ -d $T/instances ] || T=/sys/kernel/debug/tracing
[ -d $T/instances ] || die "mount -t tracefs tracefs /sys/kernel/tracing"
E=$T/dynamic_events; [ -e $E ] || E=$T/kprobe_events
G=pat_check_$$; I=$T/instances/pat-check-$$
# probe LINE...: the first that the kernel takes; @ stands for the group
probe() {
    for l; do printf '%s\\n' "${l%%@*}$G${l#*@}" >> $E && return; done 2>/dev/null
    echo "$0: refused: $1" >&2
}
# what replay must know to be recorded
taken() { sed -n "/:$G\\//p" $E > "$D/dynamic_events.txt"; }
defined() { sed -n "s,^[a-z][^:]*:\\($G/[^ ]*\\).*,-:\\1,p" $E; }
undo() {
    if [ -d $I ]; then echo 0 > $I/tracing_on; echo 0 > $I/events/enable; rmdir $I; fi
    for n in 1 2 3 4 5; do
        defined | while read -r l; do echo "$l" >> $E; done 2>/dev/null
        [ -n "$(defined)" ] || return
        sleep 1 # somebody still uses one
    done
    echo "$0: could not be removed: $(defined | head -1)" >&2
}
"""

TRACEFS: str = """\
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
work "$@"
sleep 1
checkpoint 1 after
echo 0 > $I/tracing_on
sleep 1
cat $I/per_cpu/cpu*/stats > "$D/stats.txt"
dmesg > "$D/dmesg.txt"
"""

TRACE_CMD: str = """\
# trace-cmd uses the buffer of the whole machine
checkpoint() {{
    echo "pat-check:checkpoint $1 $2" > $T/trace_marker
    cat $L > "$D/snaps/snap-0$1-$2.txt"
}}
B=$(sed 's/.*expanded: *//; s/[^0-9].*//' $T/buffer_size_kb)
{probes}
facts; taken
S=; command -v setsid > /dev/null && S=setsid # Ctrl-C is for the command
$S trace-cmd record -q -C mono -b {buffer} -o "$D/trace.dat" -e $G {tracepoints} > "$D/trace-cmd.log" 2>&1 & P=$!
n=0
until [ "$(cat $T/events/$G/enable)$(cat $T/tracing_on)" = 11 ]; do
    kill -0 $P 2>/dev/null && [ $((n += 1)) -le 60 ] || die "trace-cmd does not record: see $D/trace-cmd.log"
    sleep 1
done
checkpoint 0 before
work "$@"
sleep 1
checkpoint 1 after
kill -INT $P; wait $P; P=
echo $B > $T/buffer_size_kb
trace-cmd report -i "$D/trace.dat" > "$D/trace-cmd-report.txt" || die "trace-cmd has recorded nothing"
dmesg > "$D/dmesg.txt"
"""

PERF: str = """\
{probes}
facts; taken
cat $L > "$D/snaps/snap-00-before.txt"
work perf record -q -a -m {pages} -o "$D/perf.data" -e "$G:*" {tracepoints} -- "$@"
cat $L > "$D/snaps/snap-01-after.txt"
perf script --show-lost-events -i "$D/perf.data" > "$D/perf-script.txt" || die "perf has recorded nothing"
dmesg > "$D/dmesg.txt"
"""

BPFTRACE: str = """\
undo() {{ rm -f "$R"; }}
R=$(mktemp) || exit 2
# bpftrace splits its command at every blank
{{ printf 'exec '; for w; do printf "'%s' " "$(printf %s "$w" | sed "s/'/'\\\\\\\\''/g")"; done; }} > "$R"
# and a probe that it cannot attach ends it
H=' {functions} '; F=/sys/kernel/tracing/available_filter_functions
[ -e $F ] || F=/sys/kernel/debug/tracing/available_filter_functions
[ ! -e $F ] || H=" $(sed 's/ .*//' $F | grep -xE "$(echo $H | tr ' ' '|')" | tr '\\n' ' ')"
while IFS= read -r l; do
    f=${{l%% *}}; f=${{f#*:}}
    case $l in k*probe:*)
        case $H in *" $f "*) ;; *) echo "$0: refused: ${{l%% *}}" >&2; continue;; esac
        echo "p:bpftrace/$f $f" >> "$D/dynamic_events.txt"
    esac
    printf '%s\\n' "$l"
done > "$D/pat-check.bt" <<'END'
{program}END
facts
cat $L > "$D/snaps/snap-00-before.txt"
export BPFTRACE_PERF_RB_PAGES={pages}
work bpftrace -o "$D/bpftrace.txt" -c "/bin/sh $R" "$D/pat-check.bt"
cat $L > "$D/snaps/snap-01-after.txt"
grep -q '^[0-9]' "$D/bpftrace.txt" || die "bpftrace has recorded nothing"
dmesg > "$D/dmesg.txt"
"""
