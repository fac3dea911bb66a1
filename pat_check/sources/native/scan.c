/* See scan.h. The shapes of lines are those of grammars/ftrace.lark, in the standard layout. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS 16         /* of the task, before the dash and the pid */
#define LATENCY_COLUMNS 8  /* of the task in another layout, which a comm may imitate */
#define LINE_LIMIT 60000   /* longer lines are cut by the reference */
#define KEY_LIMIT 400      /* bytes of a place or a name */
#define TABLE_LIMIT 4096   /* keys that are remembered; a trace may hold any */
#define COMM_LIMIT 65536

/* --- a table of byte strings, numbered in the order they came ------------------------------------------------- */

typedef struct {
    uint64_t hash;
    const char *key; /* owned */
    uint32_t length;
    int64_t value;
} entry;

struct scan_table {
    entry *entries;
    int32_t *slots; /* 1 + index of an entry; 0 free */
    uint32_t mask, count, limit;
};

static scan_table *table_new(uint32_t limit) {
    scan_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->mask = 255;
    table->limit = limit;
    table->slots = calloc(table->mask + 1, sizeof *table->slots);
    table->entries = malloc((table->mask + 1) / 2 * sizeof *table->entries);
    if (table->slots == NULL || table->entries == NULL) {
        free(table->slots);
        free(table->entries);
        free(table);
        return NULL;
    }
    return table;
}

static void table_free(scan_table *table) {
    if (table == NULL)
        return;
    for (uint32_t index = 0; index < table->count; index++)
        free((char *)table->entries[index].key);
    free(table->entries);
    free(table->slots);
    free(table);
}

static uint64_t hash_of(const char *key, size_t length) {
    uint64_t hash = 0x9e3779b97f4a7c15u ^ length, word;
    while (length >= 8) {
        memcpy(&word, key, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
        key += 8;
        length -= 8;
    }
    word = 0;
    memcpy(&word, key, length);
    hash = (hash ^ word) * 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 29);
}

static entry *table_find(const scan_table *table, uint64_t hash, const char *key, size_t length) {
    for (uint32_t place = (uint32_t)hash & table->mask;; place = (place + 1) & table->mask) {
        int32_t slot = table->slots[place];
        if (slot == 0)
            return NULL;
        entry *found = &table->entries[slot - 1];
        if (found->hash == hash && found->length == length && memcmp(found->key, key, length) == 0)
            return found;
    }
}

static int table_grow(scan_table *table) {
    uint32_t mask = table->mask * 2 + 1;
    int32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (slots == NULL)
        return -1;
    entry *entries = realloc(table->entries, ((size_t)mask + 1) / 2 * sizeof *entries);
    if (entries == NULL) {
        free(slots);
        return -1;
    }
    free(table->slots);
    table->entries = entries;
    table->slots = slots;
    table->mask = mask;
    for (uint32_t index = 0; index < table->count; index++) {
        uint32_t place = (uint32_t)entries[index].hash & mask;
        while (slots[place] != 0)
            place = (place + 1) & mask;
        slots[place] = (int32_t)index + 1;
    }
    return 0;
}

/* Adds a key that is not there; -1 without memory. */
static int table_add(scan_table *table, uint64_t hash, const char *key, size_t length, int64_t value) {
    if (table->count >= (table->mask + 1) / 2 && table_grow(table) < 0)
        return -1;
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, key, length);
    copy[length] = '\0';
    uint32_t place = (uint32_t)hash & table->mask;
    while (table->slots[place] != 0)
        place = (place + 1) & table->mask;
    table->entries[table->count] = (entry){hash, copy, (uint32_t)length, value};
    table->slots[place] = (int32_t)++table->count;
    return 0;
}

/* --- the scanner ------------------------------------------------------------------------------------------------ */

int scanner_init(scanner *self, scan_resolve resolve, void *context) {
    memset(self, 0, sizeof *self);
    self->resolve = resolve;
    self->context = context;
    self->places = table_new(TABLE_LIMIT);
    self->names = table_new(TABLE_LIMIT);
    self->comms = table_new(COMM_LIMIT);
    if (self->places == NULL || self->names == NULL || self->comms == NULL) {
        scanner_free(self);
        return -1;
    }
    return 0;
}

void scanner_free(scanner *self) {
    table_free(self->places);
    table_free(self->names);
    table_free(self->comms);
    free(self->programs);
    free(self->counts);
    free(self->seen);
    free(self->rows);
    memset(self, 0, sizeof *self);
}

scan_program *scanner_program(scanner *self) {
    scan_program *programs = realloc(self->programs, (size_t)(self->program_count + 1) * sizeof *programs);
    if (programs == NULL)
        return NULL;
    self->programs = programs;
    memset(&programs[self->program_count], 0, sizeof *programs);
    return &programs[self->program_count++];
}

const char *scanner_comm(const scanner *self, int64_t number, size_t *length) {
    if (number < 0 || number >= (int64_t)self->comms->count)
        return NULL;
    *length = self->comms->entries[number].length;
    return self->comms->entries[number].key;
}

/* One more in a growing array of counts; -1 without memory. */
static int add_one(int64_t **counts, int64_t *room, int64_t index) {
    if (index >= *room) {
        int64_t wider = index * 2 + 64;
        int64_t *grown = realloc(*counts, (size_t)wider * sizeof *grown);
        if (grown == NULL)
            return -1;
        memset(grown + *room, 0, (size_t)(wider - *room) * sizeof *grown);
        *counts = grown;
        *room = wider;
    }
    (*counts)[index]++;
    return 0;
}

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

/* The number of a comm; SCAN_SLOW when there are too many, SCAN_FAILED without memory. */
static int64_t comm_of(scanner *self, const char *comm, size_t length) {
    uint64_t hash = hash_of(comm, length);
    const entry *found = table_find(self->comms, hash, comm, length);
    if (found != NULL)
        return found->value;
    if (self->comms->count >= self->comms->limit)
        return SCAN_SLOW;
    int64_t value = self->comms->count;
    return table_add(self->comms, hash, comm, length, value) < 0 ? SCAN_FAILED : value;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int is_name(char c) {
    return (c >= 'a' && c <= 'z') || c == '_' || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.';
}

/* Digits from *at on; fails on none or on more than `most`. */
static int digits(const char **at, const char *end, int most, int64_t *value) {
    const char *from = *at, *p = from;
    int64_t number = 0;
    while (p < end && is_digit(*p)) {
        if (p - from == most)
            return -1;
        number = number * 10 + (*p++ - '0');
    }
    *at = p;
    *value = number;
    return p == from ? -1 : 0;
}

static int spaces(const char **at, const char *end) {
    const char *from = *at, *p = from;
    while (p < end && *p == ' ')
        p++;
    *at = p;
    return p == from ? -1 : 0;
}

/* A number as most tools print it, with the same value as Python's int(text, 0); fails on any other form. */
static int number(const char *p, const char *end, int64_t *value, int *negative) {
    static const int8_t hex[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
        ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };
    *negative = p < end && *p == '-';
    p += *negative;
    if (end - p > 2 && p[0] == '0' && p[1] == 'x') {
        uint64_t bits = 0;
        p += 2;
        if (end - p > 16 || (*negative && end - p > 15))
            return -1;
        for (; p < end; p++) {
            int digit = hex[(unsigned char)*p];
            if (digit == 0)
                return -1;
            bits = bits << 4 | (uint64_t)(digit - 1);
        }
        *value = *negative ? -(int64_t)bits : (int64_t)bits;
        return 0;
    }
    if (p < end && *p == '0' && end - p > 1)
        return -1; /* no number in Python */
    int64_t plain;
    if (digits(&p, end, 18, &plain) < 0 || p != end)
        return -1;
    *value = *negative ? -plain : plain;
    return 0;
}

/* The columns before an event. */
typedef struct {
    const char *comm, *rest;
    size_t comm_length;
    int64_t pid, cpu;
    double time;
} columns;

/* `comm-pid (tgid) [cpu] flags time: rest`; fails on what the reference might read in another layout. */
static int columns_of(const char *line, const char *end, columns *out) {
    static const double scale[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    if (end - line < COLUMNS + 16 || line[COLUMNS] != '-')
        return -1;
    for (int column = 0; column < COLUMNS; column++) {
        unsigned char c = (unsigned char)line[column];
        if (c < ' ' || c > '~' || c == '\\' || (c == '-' && column <= LATENCY_COLUMNS && is_digit(line[column + 1])))
            return -1;
    }
    const char *comm = line, *last = line + COLUMNS;
    while (comm < last && *comm == ' ')
        comm++;
    while (last > comm && last[-1] == ' ')
        last--;
    out->comm = comm;
    out->comm_length = (size_t)(last - comm);
    const char *p = line + COLUMNS + 1;
    if (digits(&p, end, 10, &out->pid) < 0 || spaces(&p, end) < 0)
        return -1;
    if (p < end && *p == '(') { /* tgid */
        p++;
        (void)spaces(&p, end);
        const char *from = p;
        if (p < end && *p == '-')
            while (p < end && *p == '-')
                p++;
        else
            while (p < end && is_digit(*p))
                p++;
        if (p == from || p >= end || *p++ != ')' || spaces(&p, end) < 0)
            return -1;
    }
    if (p >= end || *p++ != '[' || digits(&p, end, 6, &out->cpu) < 0 || p >= end || *p++ != ']' || spaces(&p, end) < 0)
        return -1;
    if (p < end && !is_digit(*p)) { /* flags */
        const char *from = p;
        for (; p < end && *p != ' '; p++)
            if ((unsigned char)*p <= ' ' || (unsigned char)*p > '~')
                return -1;
        if (p - from < 4 || p - from > 8 || spaces(&p, end) < 0)
            return -1;
    }
    const char *from = p;
    int64_t mantissa, fraction = 0;
    if (digits(&p, end, 15, &mantissa) < 0)
        return -1;
    int decimals = 0;
    if (p < end && *p == '.') {
        const char *dot = ++p;
        if (digits(&p, end, 9, &fraction) < 0 || p - from > 16)
            return -1; /* at most 15 digits: the quotient below is exactly what float() gives */
        decimals = (int)(p - dot);
    }
    for (int place = 0; place < decimals; place++)
        mantissa *= 10;
    out->time = (double)(mantissa + fraction) / scale[decimals];
    if (p >= end || *p++ != ':' || spaces(&p, end) < 0)
        return -1;
    out->rest = p;
    return 0;
}

/* Room for one more row of any kind; -1 without memory. */
static int make_room(scanner *self) {
    size_t needed = self->words + SCAN_HEAD + SCAN_SLOTS;
    if (needed <= self->room)
        return 0;
    size_t room = needed * 2;
    int64_t *rows = realloc(self->rows, room * sizeof *rows);
    if (rows == NULL)
        return -1;
    self->rows = rows;
    self->room = room;
    return 0;
}

static void slow_row(scanner *self, int64_t at, const char *text, const char *line, const char *end) {
    int64_t *row = self->rows + self->words;
    row[ROW_AT] = at;
    row[ROW_PROGRAM] = SCAN_SLOW;
    row[ROW_OFFSET] = line - text;
    row[ROW_LENGTH] = end - line;
    self->words += ROW_SLOW_WORDS;
}

/* The values of a payload `name=value name=value ...`, into the row; fails on what is not of that form. */
static int values(const scan_program *program, const char *p, const char *end, int64_t *row) {
    uint8_t rank[SCAN_SLOTS];
    uint32_t present = 0, negatives = 0;
    memset(rank, 0xff, sizeof rank);
    int64_t *out = row + SCAN_HEAD;
    int next = 0; /* fields mostly come in the same order: look at the alias behind the last one first */
    while (p < end) {
        if (*p == ' ') {
            p++;
            continue;
        }
        const char *token = p, *equals = NULL;
        for (; p < end && *p != ' '; p++) {
            unsigned char c = (unsigned char)*p;
            if (c < ' ' || c > '~' || c == '"')
                return -1;
            if (c == '=' && equals == NULL)
                equals = p;
        }
        if (equals == NULL || equals == token)
            continue;
        size_t length = (size_t)(equals - token);
        if (length > SCAN_NAME)
            continue;
        const scan_alias *alias = NULL;
        for (int tried = 0; tried < program->alias_count; tried++) {
            const scan_alias *candidate = &program->aliases[next];
            if (++next == program->alias_count)
                next = 0;
            if (candidate->length == length && memcmp(candidate->name, token, length) == 0) {
                alias = candidate;
                break;
            }
        }
        while (alias != NULL) { /* one name may stand for several slots: they follow each other */
            if (alias->rank <= rank[alias->slot]) {
                int negative;
                if (number(equals + 1, p, &out[alias->slot], &negative) < 0)
                    return -1;
                rank[alias->slot] = alias->rank;
                present |= 1u << alias->slot;
                negatives = (negatives & ~(1u << alias->slot)) | (uint32_t)negative << alias->slot;
            }
            alias = alias->again ? alias + 1 : NULL;
            if (alias != NULL && ++next == program->alias_count)
                next = 0;
        }
    }
    for (int slot = 0; slot < program->slots; slot++) {
        uint32_t bit = 1u << slot;
        if (present & bit)
            continue;
        if (program->needed & bit)
            return -1;
        out[slot] = program->has_default & bit ? program->defaults[slot] : 0;
        if (out[slot] < 0)
            negatives |= bit;
    }
    row[ROW_MASK] = (int64_t)((uint64_t)present << 32 | negatives);
    return 0;
}

/* What the text behind the columns stands for: a program with its payload, an ignored name, or SCAN_SLOW. */
static int64_t meaning(scanner *self, const char *rest, const char *end, const char **payload) {
    const char *p = rest;
    if (p >= end || !is_name(*p) || is_digit(*p) || *p == '.')
        return SCAN_SLOW;
    int dotted = 0;
    for (; p < end && is_name(*p); p++)
        dotted |= *p == '.';
    if (p >= end)
        return SCAN_SLOW;
    const char *name_end = p;
    if (*p == ':') {
        p++;
        (void)spaces(&p, end);
        if (p >= end || *p != '(')
            return lookup(self, self->names, 1, rest, (size_t)(name_end - rest));
        const char *close = memchr(p, ')', (size_t)(end - p));
        if (close == NULL)
            return SCAN_SLOW;
        *payload = close + 1;
        return lookup(self, self->places, 0, rest, (size_t)(close - rest));
    }
    int is_call = end - p > 3 && memcmp(p, " <-", 3) == 0 && p[3] > ' ' && p[3] <= '~';
    int is_syscall = !dotted && name_end - rest > 4 && memcmp(rest, "sys_", 4) == 0 &&
                     (*p == '(' || (end - p >= 4 && memcmp(p, " -> ", 4) == 0));
    if (!is_call && !is_syscall)
        return SCAN_SLOW;
    /* Names of functions are resolved apart from those of events: with the character behind them. */
    return lookup(self, self->names, 1, rest, (size_t)(name_end - rest) + 1);
}

int64_t scanner_scan(scanner *self, const char *text, size_t length, int64_t first, int cut) {
    const char *line = text, *stop = text + length;
    int64_t at = first;
    self->words = 0;
    for (; line < stop; at++) {
        const char *end = memchr(line, '\n', (size_t)(stop - line)), *payload = NULL;
        if (end == NULL)
            end = stop;
        if (make_room(self) < 0)
            return -1;
        columns before;
        int64_t what = SCAN_SLOW;
        if (!cut && end - line <= LINE_LIMIT && columns_of(line, end, &before) == 0) {
            what = meaning(self, before.rest, end, &payload);
            if (what == SCAN_FAILED)
                return -1;
        }
        if (what <= SCAN_IGNORED_0) {
            if (add_one(&self->counts, &self->count_room, SCAN_IGNORED_0 - what) < 0)
                return -1;
        } else if (what >= 0 && what < self->program_count) {
            int64_t *row = self->rows + self->words;
            int64_t comm = self->count_only ? 0 : comm_of(self, before.comm, before.comm_length);
            if (comm == SCAN_FAILED)
                return -1;
            if (comm >= 0 && values(&self->programs[what], payload, end, row) == 0) {
                if (self->count_only) {
                    if (add_one(&self->seen, &self->seen_room, what) < 0)
                        return -1;
                    line = end + 1;
                    continue;
                }
                row[ROW_AT] = at;
                row[ROW_PROGRAM] = what;
                row[ROW_PID] = before.pid;
                row[ROW_CPU] = before.cpu;
                memcpy(&row[ROW_TIME], &before.time, sizeof before.time);
                row[ROW_COMM] = comm;
                self->words += SCAN_HEAD + (size_t)self->programs[what].slots;
            } else {
                slow_row(self, at, text, line, end);
            }
        } else {
            slow_row(self, at, text, line, end);
        }
        line = end + 1;
    }
    return at - first;
}
