/* A walk along rows of one task, of which runs are made; see runs.h. */
#ifndef PAT_CHECK_WALK_H
#define PAT_CHECK_WALK_H

#include <string.h>

#include "runs.h"

#define UNKNOWN (-1) /* a context that is not recorded */
#define PFNMAP 0x400
#define FOLLOWED (PFNMAP | 0x4000 | 0x10000000) /* VM_PFNMAP, VM_IO and VM_MIXEDMAP */
#define TRACKED 0x1000000                       /* VM_PAT */
#define ERRORS (-4095)

/* Goes along the rows of one task, as long as they follow each other. */
typedef struct {
    const scanner *self;
    const int64_t *first, *next, *stop;
    const int64_t *row; /* the last that was taken */
    const scan_program *of; /* and what it is of */
    int count;
} walk;

static inline const int64_t *values_of(const int64_t *row) { return row + SCAN_HEAD; }

static inline int64_t value(const walk *at, int slot) { return at->row[SCAN_HEAD + slot]; }

static inline walk begin(const scanner *self, const int64_t *first) {
    return (walk){self, first, first, self->rows + self->words, NULL, NULL, 0};
}

/* What the next row is of, if it is of the same task and of a place that was met; it is not taken. */
static inline const scan_program *peek(const walk *at) {
    const int64_t *row = at->next;
    if (row >= at->stop || row[ROW_PROGRAM] < 0 || row[ROW_PID] != at->first[ROW_PID])
        return NULL;
    const scan_program *of = &at->self->programs[row[ROW_PROGRAM]];
    return of->met && row[ROW_COMM] == at->first[ROW_COMM] ? of : NULL;
}

static inline void take(walk *at, const scan_program *of) {
    at->row = at->next;
    at->of = of;
    at->next += SCAN_HEAD + of->slots;
    at->count++;
}

/* Takes the next row, which is a call. */
static inline int calls(walk *at) {
    const scan_program *of = peek(at);
    if (of == NULL || of->is_return)
        return 0;
    take(at, of);
    return 1;
}

static inline int enters(walk *at, int kind) {
    const scan_program *of = peek(at);
    if (of == NULL || of->is_return || of->kind != kind)
        return 0;
    take(at, of);
    return 1;
}

static inline int enters_as(walk *at, int kind, int role) { return enters(at, kind) && at->of->role == role; }

/* Takes the next row, which is the return of this call, with its result. */
static inline int leaves(walk *at, const scan_program *call) {
    const scan_program *of = peek(at);
    if (of == NULL || !of->is_return || of->function != call->function)
        return 0;
    take(at, of);
    return at->row[ROW_MASK] >> 32 & 1 << SLOT_RESULT;
}

static inline int leaves_with_none(walk *at, const scan_program *call) {
    return leaves(at, call) && value(at, SLOT_RESULT) == 0;
}

/* The same, and the return shows no arguments. */
static inline int leaves_plainly(walk *at, const scan_program *call) {
    return leaves(at, call) && !(at->row[ROW_MASK] >> 32 & 1 << SLOT_START);
}

static inline int is_error_or_null(int64_t pointer) { return ERRORS <= pointer && pointer <= 0; }

/* Whether these flags are recorded, and those of a VMA that is followed; VM_PAT has calls of its own. */
static inline int is_followed(int64_t flags) { return flags >= 0 && flags & FOLLOWED && !(flags & TRACKED); }

/* Whether these flags are recorded, and those of a mapping with VM_PAT. */
static inline int is_tracked(int64_t flags) { return flags >= 0 && flags & TRACKED && flags & PFNMAP; }

/* Whether copy_page_range() shows the VMA that vm_area_dup() shows. */
static inline int are_alike(const int64_t *dup, const int64_t *copy) {
    return memcmp(values_of(dup), values_of(copy) + 1, 5 * sizeof *dup) == 0;
}

/* Runs of calls on VMAs (vmas.c) and of what is reserved and freed (ranges.c): each takes the rows of its run, and says
 * whether it is one. Nothing is known of the walk where it is not. */
int ordinary(walk *at);
int copied(walk *at);
int zapped(walk *at);
int freed(walk *at);
int split(walk *at);
int unmapped(walk *at);
int maps(walk *at);
int untracks(walk *at);
int reserves(walk *at);
int frees(walk *at);
int ends_tracked(walk *at);
int copies_tracked(walk *at);

#endif
