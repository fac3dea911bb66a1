/* See layouts.h. The shapes of lines are those of the grammars of the same names. */
#include "layouts.h"

#include <string.h>

#include "tables.h"
#include "text.h"

#define COLUMNS 16         /* of the task, before its pid */
#define LATENCY_COLUMNS 8  /* of the task in another layout of ftrace, which a comm may imitate */
#define BPFTRACE_COMM 64
#define ANY 60000          /* no limit to spaces: longer lines do not come here */
#define KEY_LIMIT 400      /* bytes of a place or a name */

/* What a key stands for: remembered, or asked; SCAN_SLOW when too many are known. */
static int64_t lookup(scanner *self, scan_table *table, int name, const char *key, size_t length) {
    uint64_t hash = hash_of(key, length);
    const entry *found = table_find(table, hash, key, length);
    if (found != NULL)
        return found->value;
    if (table->count >= table->limit || length > KEY_LIMIT)
        return SCAN_SLOW;
    int64_t value = self->resolve(self->context, name, key, length);
    if (value != SCAN_FAILED && table_add(table, hash, key, length, value) < 0)
        return SCAN_FAILED;
    return value;
}

static int is_letter(char c) { return (c >= 'a' && c <= 'z') || c == '_' || (c >= 'A' && c <= 'Z'); }

static int is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

/* A comm without the spaces around it. */
static void comm_between(const char *comm, const char *last, columns *out) {
    while (comm < last && *comm == ' ')
        comm++;
    while (last > comm && last[-1] == ' ')
        last--;
    out->comm = comm;
    out->comm_length = (size_t)(last - comm);
}

/* `12.345678` from *at on, as the very value that float() gives; how many digits follow the point, if there is one.
 * Fails on more than `most` digits before it, and where the quotient might be rounded in another way. */
static int seconds(const char **at, const char *end, int most, columns *out) {
    static const double rates[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
    const char *from = *at, *p = from;
    int64_t whole, fraction = 0;
    int decimals = 0;
    if (digits(&p, end, most, &whole) < 0)
        return -1;
    if (p < end && *p == '.') {
        const char *dot = ++p;
        if (end - p > 6 && !is_digit(p[6]) && six_digits(p, &fraction))
            p += 6;
        else if (digits(&p, end, 9, &fraction) < 0)
            return -1;
        if (p - from > 17)
            return -1;
        decimals = (int)(p - dot);
    }
    out->ticks = whole * powers[decimals] + fraction;
    if (out->ticks > (int64_t)1 << 53)
        return -1;
    out->rate = rates[decimals];
    *at = p;
    return decimals;
}

/* --- ftrace: `comm-pid (tgid) [cpu] flags time: event`, the standard layout ------------------------------------- */

/* The event behind the columns. */
static int64_t ftrace_event(scanner *self, const char *rest, const char *end, const char **payload) {
    const char *p = rest;
    if (p >= end || !is_letter(*p))
        return SCAN_SLOW;
    while (is(*p, OF_NAME)) /* the newline is none */
        p++;
    if (p >= end)
        return SCAN_SLOW;
    const char *name_end = p;
    if (*p == ':') {
        p++;
        (void)spaces(&p, end, ANY);
        if (p >= end || *p != '(')
            return lookup(self, self->names, 1, rest, (size_t)(name_end - rest));
        const char *close = memchr(p, ')', (size_t)(end - p));
        if (close == NULL)
            return SCAN_SLOW;
        *payload = close + 1;
        return lookup(self, self->places, 0, rest, (size_t)(close - rest));
    }
    int is_call = end - p > 3 && memcmp(p, " <-", 3) == 0 && p[3] > ' ' && p[3] <= '~';
    int is_syscall = name_end - rest > 4 && memcmp(rest, "sys_", 4) == 0 &&
                     memchr(rest, '.', (size_t)(name_end - rest)) == NULL &&
                     (*p == '(' || (end - p >= 4 && memcmp(p, " -> ", 4) == 0));
    if (!is_call && !is_syscall)
        return SCAN_SLOW;
    /* Names of functions are resolved apart from those of events: with the character behind them. */
    return lookup(self, self->names, 1, rest, (size_t)(name_end - rest) + 1);
}

/* Where a line with this prefix would be remembered. */
static scan_prefix *prefix_of(scanner *self, const char *line) {
    uint64_t words[4];
    memcpy(words, line, 24);
    memcpy(words + 3, line + SCAN_PREFIX - 8, 8);
    uint64_t hash = (words[1] ^ words[2] * 3 ^ words[3] * 5) * 0x9e3779b97f4a7c15u;
    return &self->prefixes[hash >> 58];
}

/* The columns of the task and the CPU, up to the spaces behind them. */
static int ftrace_task(const char *line, const char **at, const char *end, columns *out) {
    for (int column = 0; column < COLUMNS; column++) {
        char c = line[column];
        if (!is_printed(c) || c == '\\' || (c == '-' && column <= LATENCY_COLUMNS && is_digit(line[column + 1])))
            return -1;
    }
    comm_between(line, line + COLUMNS, out);
    const char *p = line + COLUMNS + 1;
    if (digits(&p, end, 10, &out->pid) < 0 || spaces(&p, end, ANY) < 0)
        return -1;
    if (p < end && *p == '(') { /* tgid */
        p++;
        (void)spaces(&p, end, ANY);
        const char *from = p;
        if (p < end && *p == '-')
            while (p < end && *p == '-')
                p++;
        else
            while (p < end && is_digit(*p))
                p++;
        if (p == from || p >= end || *p++ != ')' || spaces(&p, end, ANY) < 0)
            return -1;
    }
    if (p >= end || *p++ != '[' || digits(&p, end, 6, &out->cpu) < 0 || p >= end || *p++ != ']' ||
        spaces(&p, end, ANY) < 0)
        return -1;
    *at = p;
    return 0;
}

static int64_t ftrace_line(scanner *self, const char *line, const char *end, columns *out) {
    if (end - line < SCAN_PREFIX + 1 || line[COLUMNS] != '-')
        return SCAN_SLOW;
    const char *p = line + SCAN_PREFIX;
    scan_prefix *prefix = prefix_of(self, line);
    if (prefix->is_known && memcmp(prefix->text, line, SCAN_PREFIX) == 0 && *p != ' ') {
        out->comm = line + prefix->comm_from;
        out->comm_length = (size_t)prefix->comm_length;
        out->pid = prefix->pid;
        out->cpu = prefix->cpu;
        out->prefix = prefix;
    } else {
        if (ftrace_task(line, &p, end, out) < 0)
            return SCAN_SLOW;
        if (p == line + SCAN_PREFIX) {
            memcpy(prefix->text, line, SCAN_PREFIX);
            prefix->comm_from = (int)(out->comm - line);
            prefix->comm_length = (int)out->comm_length;
            prefix->pid = out->pid;
            prefix->cpu = out->cpu;
            prefix->comm = SCAN_SLOW;
            prefix->is_known = 1;
            out->prefix = prefix;
        }
    }
    if (p < end && !is_digit(*p)) { /* flags */
        const char *from = p;
        for (; p < end && *p != ' '; p++)
            if (!is_printed(*p))
                return SCAN_SLOW;
        if (p - from < 4 || p - from > 8 || spaces(&p, end, ANY) < 0)
            return SCAN_SLOW;
    }
    if (seconds(&p, end, 15, out) < 0 || p >= end || *p++ != ':' || spaces(&p, end, ANY) < 0)
        return SCAN_SLOW;
    return ftrace_event(self, p, end, &out->payload);
}

/* --- perf: `comm pid/tid [cpu] time: period group:event: (function <- caller) ` ----------------------------------- */

/* `event` or `group:event` up to the colon and the space that end it. */
static int event_name(const char **at, const char *end) {
    const char *p = *at, *part = p;
    if (p >= end || !is_letter(*p))
        return -1;
    for (int first = 1;; p++) {
        if (p >= end || *p == ' ' || !is_printed(*p))
            return -1;
        if (*p != ':')
            continue;
        if (p == part || p - part > 127 || p + 1 >= end)
            return -1;
        if (p[1] == ' ')
            break;
        if (!first)
            return -1;
        first = 0;
        part = p + 1;
    }
    *at = p;
    return 0;
}

/* `(ffffffff8109e100 <- ffffffff813701ad)`, if it is there; fails on what else begins with a bracket. */
static int addresses(const char **at, const char *end) {
    const char *p = *at;
    if (p < end && *p == '(') {
        for (int first = 1;; first = 0) {
            const char *from = ++p;
            while (p < end && is_hex(*p))
                p++;
            if (p == from || p >= end)
                return -1;
            if (*p == ')')
                break;
            if (!first || end - p < 4 || memcmp(p, " <- ", 4) != 0)
                return -1;
            p += 3;
        }
        p++;
        (void)spaces(&p, end, ANY);
    }
    *at = p;
    return p < end && *p == '(' ? -1 : 0;
}

/* Whether a line is surely a frame of a call chain, and neither an event nor PERF_RECORD_LOST. */
static int is_frame(const char *p, const char *end) {
    if (*p++ != '\t')
        return 0;
    (void)spaces(&p, end, ANY);
    const char *from = p;
    while (p < end && is_hex(*p))
        p++;
    return p > from && p - from <= 16 && p < end && *p == ' ' && memchr(p, ':', (size_t)(end - p)) == NULL &&
           memchr(p, 'P', (size_t)(end - p)) == NULL;
}

static int64_t perf_line(scanner *self, const char *line, const char *end, columns *out) {
    if (line == end || is_frame(line, end))
        return SCAN_NOTHING;
    if (end - line < COLUMNS + 8 || *line == '#')
        return SCAN_SLOW;
    for (int column = 0; column < COLUMNS; column++)
        if (!is_printed(line[column]))
            return SCAN_SLOW;
    comm_between(line, line + COLUMNS, out);
    const char *p = line + COLUMNS;
    if (spaces(&p, end, 40) < 0)
        return SCAN_SLOW;
    const char *from = p;
    if (digits(&p, end, 10, &out->pid) < 0)
        return SCAN_SLOW;
    if (p < end && *p == '/') {
        from = ++p;
        if (digits(&p, end, 10, &out->pid) < 0)
            return SCAN_SLOW;
    }
    if (out->comm_length > 0 && *out->comm == ':') { /* `:pid` is a task of unknown name */
        if (*from == '0')
            return SCAN_SLOW;
        size_t length = (size_t)(p - from);
        if (out->comm_length == length + 1 && memcmp(out->comm + 1, from, length) == 0)
            out->comm_length = 0;
    }
    if (spaces(&p, end, 40) < 0)
        return SCAN_SLOW;
    out->cpu = -1;
    if (p < end && *p == '[') {
        p++;
        if (digits(&p, end, 5, &out->cpu) < 0 || p >= end || *p++ != ']' || spaces(&p, end, 40) < 0)
            return SCAN_SLOW;
    }
    if (seconds(&p, end, 12, out) < 1 || p >= end || *p++ != ':' || spaces(&p, end, 200) < 0)
        return SCAN_SLOW;
    int64_t period;
    if (p < end && is_digit(*p) && (digits(&p, end, 18, &period) < 0 || spaces(&p, end, 200) < 0))
        return SCAN_SLOW;
    const char *event = p;
    if (event_name(&p, end) < 0)
        return SCAN_SLOW;
    int64_t what = lookup(self, self->places, 0, event, (size_t)(p - event));
    p++;
    (void)spaces(&p, end, ANY);
    if (what >= 0 && addresses(&p, end) < 0)
        return SCAN_SLOW;
    out->payload = p;
    return what;
}

/* --- bpftrace: `time_ns cpu pid comm event` ------------------------------------------------------------------------ */

/* Whether a word is `name=` and anything. */
static int is_value(const char *p, const char *end) {
    const char *from = p;
    while (p < end && (is_letter(*p) || is_digit(*p)))
        p++;
    return p > from && p < end && *p == '=';
}

/* The comm may hold anything: the event is the last word that is no value. */
static int64_t bpftrace_line(scanner *self, const char *line, const char *end, columns *out) {
    const char *p = line;
    if (digits(&p, end, 18, &out->ticks) < 0 || spaces(&p, end, 1) < 0 || digits(&p, end, 5, &out->cpu) < 0 ||
        spaces(&p, end, 1) < 0 || digits(&p, end, 10, &out->pid) < 0 || p >= end || *p++ != ' ')
        return SCAN_SLOW;
    out->rate = 1e9;
    const char *comm = p, *event = NULL, *event_end = NULL;
    while (end > p && end[-1] == ' ')
        end--;
    for (;; p++) { /* words between single spaces; two spaces have an empty one */
        const char *word = p;
        for (; p < end && *p != ' '; p++)
            if (!is_printed(*p))
                return SCAN_SLOW;
        if (!is_value(word, p)) {
            event = word;
            event_end = p;
        }
        if (p >= end)
            break;
    }
    if (event == comm || event == NULL || event - 1 - comm > BPFTRACE_COMM || !is_letter(*event))
        return SCAN_SLOW;
    for (const char *c = event; c < event_end; c++)
        if (!is_letter(*c) && !is_digit(*c))
            return SCAN_SLOW;
    comm_between(comm, event - 1, out);
    out->payload = event_end;
    return lookup(self, self->places, 0, event, (size_t)(event_end - event));
}

const layout_reader layout_readers[SCAN_LAYOUTS] = {
    [SCAN_FTRACE] = ftrace_line,
    [SCAN_PERF] = perf_line,
    [SCAN_BPFTRACE] = bpftrace_line,
};
