/* See scan.h. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

#include "layouts.h"
#include "runs.h"
#include "tables.h"
#include "text.h"

#define LINE_LIMIT 60000 /* longer lines are cut by the reference */
#define TABLE_LIMIT 4096 /* keys that are remembered; a trace may hold any */
#define COMM_LIMIT 65536

static const char CALLER[] = "__probe_ret_ip"; /* a field that names the caller: left to the reference */

int scanner_init(scanner *self, scan_layout layout, scan_resolve resolve, void *context) {
    memset(self, 0, sizeof *self);
    text_classes();
    self->layout = layout;
    self->resolve = resolve;
    self->context = context;
    self->places = table_new(TABLE_LIMIT);
    self->names = table_new(TABLE_LIMIT);
    self->comms = table_new(COMM_LIMIT);
    self->orders = table_new(TABLE_LIMIT);
    if (self->places == NULL || self->names == NULL || self->comms == NULL || self->orders == NULL) {
        scanner_free(self);
        return -1;
    }
    return 0;
}

void scanner_free(scanner *self) {
    table_free(self->places);
    table_free(self->names);
    table_free(self->comms);
    table_free(self->orders);
    free(self->programs);
    free(self->counts);
    free(self->seen);
    free(self->rows);
    free(self->found);
    large_free(&self->large);
    memset(self, 0, sizeof *self);
}

void scanner_forget(scanner *self) {
    large_free(&self->large);
    memset(&self->large, 0, sizeof self->large);
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

/* A number from *at on as most tools print it, with the same value as Python's int(text, 0); fails on any other form,
 * and where no space follows. */
static int number(const char **at, const char *end, int64_t *value, int *negative) {
    static const int8_t hex[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
        ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };
    const char *p = *at;
    *negative = p < end && *p == '-';
    p += *negative;
    if (end - p > 2 && p[0] == '0' && p[1] == 'x') {
        uint64_t bits = 0;
        const char *from = p += 2;
        for (uint64_t eight; end - p >= 8 && p - from <= 8 && eight_digits(p, &eight); p += 8)
            bits = bits << 32 | eight;
        for (int digit; (digit = hex[(unsigned char)*p]) != 0; p++) /* the newline is none */
            bits = bits << 4 | (uint64_t)(digit - 1);
        if (p == from || p - from > 16 || (*negative && p - from > 15))
            return -1;
        *value = *negative ? -(int64_t)bits : (int64_t)bits;
    } else {
        if (end - p > 1 && p[0] == '0' && p[1] != ' ')
            return -1; /* no number in Python */
        int64_t plain;
        if (digits(&p, end, 18, &plain) < 0)
            return -1;
        *value = *negative ? -plain : plain;
    }
    *at = p;
    return p == end || *p == ' ' ? 0 : -1;
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

/* Whether a name of this length is this alias. */
static inline int is_alias(const scan_alias *alias, const char *name, size_t length, const char *end) {
    if (alias->length != length)
        return 0;
    if (length >= 8 || end - name < 8)
        return memcmp(alias->name, name, length) == 0;
    uint64_t word, other;
    memcpy(&word, name, sizeof word);
    memcpy(&other, alias->name, sizeof other);
    return (word ^ other) << (64 - 8 * length) == 0;
}

/* The values of a payload `name=value name=value ...`, into the row. Returns SCAN_SLOW for what is not of that form,
 * SCAN_FAILED without memory. */
static int values(scanner *self, const scan_program *program, const char *p, const char *end, int64_t *row) {
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
        const char *token = p;
        while (is(*p, OF_KEY)) /* the newline is none */
            p++;
        if (p == end || *p == ' ')
            continue;
        if (*p != '=')
            return SCAN_SLOW;
        size_t length = (size_t)(p++ - token);
        const scan_alias *alias = NULL;
        for (int tried = 0; length <= SCAN_NAME && tried < program->alias_count; tried++) {
            const scan_alias *candidate = &program->aliases[next];
            if (++next == program->alias_count)
                next = 0;
            if (is_alias(candidate, token, length, end)) {
                alias = candidate;
                break;
            }
        }
        if (alias == NULL && length == sizeof CALLER - 1 && memcmp(token, CALLER, length) == 0)
            return SCAN_SLOW;
        int64_t value = 0;
        int is_read = 0, negative = 0;
        while (alias != NULL) { /* one name may stand for several slots: they follow each other */
            if (alias->rank <= rank[alias->slot]) {
                if (!is_read && number(&p, end, &value, &negative) < 0)
                    return SCAN_SLOW;
                is_read = 1;
                out[alias->slot] = value;
                rank[alias->slot] = alias->rank;
                present |= 1u << alias->slot;
                negatives = (negatives & ~(1u << alias->slot)) | (uint32_t)negative << alias->slot;
            }
            alias = alias->again ? alias + 1 : NULL;
            if (alias != NULL && ++next == program->alias_count)
                next = 0;
        }
        while (is(*p, OF_WORD))
            p++;
        if (p < end && *p != ' ')
            return SCAN_SLOW;
    }
    for (int slot = 0; slot < program->slots; slot++) {
        uint32_t bit = 1u << slot;
        if (present & bit)
            continue;
        if (program->needed & bit)
            return SCAN_SLOW;
        out[slot] = program->has_default & bit ? program->defaults[slot] : 0;
        if (out[slot] < 0)
            negatives |= bit;
    }
    for (int slot = 0; slot < program->slots && !self->count_only; slot++) {
        if (out[slot] >= 0 || (uint64_t)out[slot] >= SCAN_LOWEST)
            continue;
        if (negatives & 1u << slot)
            return SCAN_SLOW;
        int64_t number = large_number(&self->large, (uint64_t)out[slot]);
        if (number < 0)
            return SCAN_FAILED;
        out[slot] = (int64_t)(SCAN_LARGE + (uint64_t)number);
    }
    row[ROW_MASK] = (int64_t)((uint64_t)present << 32 | negatives);
    return 0;
}

int64_t scanner_scan(scanner *self, const char *text, size_t length, int64_t first, int cut) {
    const layout_reader read = layout_readers[self->layout];
    const char *line = text, *stop = text + length;
    int64_t at = first;
    self->words = 0;
    for (; line < stop; at++) {
        const char *end = memchr(line, '\n', (size_t)(stop - line));
        int whole = end != NULL && !cut;
        if (end == NULL)
            end = stop;
        if (make_room(self) < 0)
            return -1;
        columns before;
        before.prefix = NULL;
        int64_t what = SCAN_SLOW;
        if (whole && end - line <= LINE_LIMIT)
            what = read(self, line, end, &before);
        if (what == SCAN_FAILED)
            return -1;
        if (what <= SCAN_IGNORED_0) {
            if (add_one(&self->counts, &self->count_room, SCAN_IGNORED_0 - what) < 0)
                return -1;
        } else if (what >= 0 && what < self->program_count) {
            int64_t *row = self->rows + self->words;
            scan_prefix *prefix = before.prefix;
            int64_t comm = self->count_only ? 0 : prefix != NULL ? prefix->comm : SCAN_SLOW;
            if (comm < 0) {
                comm = comm_of(self, before.comm, before.comm_length);
                if (prefix != NULL)
                    prefix->comm = comm;
            }
            int known = comm < 0 ? (int)comm : values(self, &self->programs[what], before.payload, end, row);
            if (known == SCAN_FAILED)
                return -1;
            if (known == 0) {
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
                double time = (double)before.ticks / before.rate;
                memcpy(&row[ROW_TIME], &time, sizeof time);
                row[ROW_COMM] = comm;
                self->words += SCAN_HEAD + (size_t)self->programs[what].slots;
            } else {
                slow_row(self, at, text, line, end);
            }
        } else if (what != SCAN_NOTHING) {
            slow_row(self, at, text, line, end);
        }
        line = end + 1;
    }
    return scanner_find_runs(self) < 0 ? -1 : at - first;
}
