/* See runs.h. */
#include "runs.h"

#include <stdlib.h>

#include "tables.h"
#include "walk.h"

#define ORDER_LIMIT 4096 /* orders of calls that are told apart */
#define ORDER_ROWS 32    /* rows of a run whose order is told, at most */

int is_sound(const scan_program *of) {
    static const int least[] = {2, 6, 7, 6, 4, 4, 2, 3, 2, 10, 8, 3, 7, 4, 3}; /* by kind */
    int slots = of->slots - (of->is_return ? SLOT_START + 1 : 0);
    return of->kind >= 0 && slots >= (of->kind <= KIND_PFNMAP_TRACK ? least[of->kind] : of->role != NO_ROLE);
}

/* Which run begins with a row; the walk ends behind it. */
static int run_at(const scanner *self, const int64_t *row, walk *at) {
    const scan_program *of = &self->programs[row[ROW_PROGRAM]];
    *at = begin(self, row);
    switch (of->kind) {
    case KIND_ZAP_VMA:
        if (is_tracked(values_of(row)[6]))
            return ends_tracked(at) ? RUN_UNTRACKED : NO_RUN;
        break;
    case KIND_VM_AREA_DUP:
        if (is_tracked(values_of(row)[4]))
            return copies_tracked(at) ? RUN_FORKED : NO_RUN;
        break;
    case KIND_VM_AREA_FREE:
        break;
    case KIND_SPLIT_VMA:
        return row[ROW_PID] > 0 && split(at) ? RUN_SPLIT : NO_RUN;
    case KIND_UNMAP_VMAS:
        return row[ROW_PID] > 0 && unmapped(at) ? RUN_UNMAPPED : NO_RUN;
    case KIND_MEMTYPE_RESERVE:
        return reserves(at) ? RUN_RESERVING : NO_RUN;
    case KIND_MEMTYPE_FREE:
        return frees(at) ? RUN_FREEING : NO_RUN;
    default:
        if (of->role == ROLE_REMAP_PFN_RANGE)
            return maps(at) ? RUN_MAPPING : NO_RUN;
        return of->role == ROLE_CTX_RELEASE && untracks(at) ? RUN_UNTRACKING : NO_RUN;
    }
    if (ordinary(at))
        return RUN_ORDINARY;
    *at = begin(self, row);
    if (row[ROW_PID] <= 0)
        return NO_RUN;
    if (of->kind == KIND_VM_AREA_DUP)
        return copied(at) ? RUN_COPIED : NO_RUN;
    if (of->kind == KIND_ZAP_VMA)
        return zapped(at) ? RUN_ZAPPED : NO_RUN;
    return freed(at) ? RUN_FREED : NO_RUN;
}

/* The number of the order in which the rows of a run call functions: SCAN_SLOW when there are too many orders,
 * SCAN_FAILED without memory. */
static int64_t order_of(scanner *self, const walk *at) {
    int32_t numbers[ORDER_ROWS];
    int count = 0;
    const int64_t *row = at->first;
    for (; row < at->next; row += SCAN_HEAD + self->programs[row[ROW_PROGRAM]].slots) {
        if (count == ORDER_ROWS)
            return SCAN_SLOW;
        numbers[count++] = (int32_t)row[ROW_PROGRAM];
    }
    size_t length = (size_t)count * sizeof *numbers;
    uint64_t hash = hash_of((const char *)numbers, length);
    const entry *found = table_find(self->orders, hash, (const char *)numbers, length);
    if (found != NULL)
        return found->value;
    if (self->orders->count >= ORDER_LIMIT)
        return SCAN_SLOW;
    int64_t order = self->orders->count;
    return table_add(self->orders, hash, (const char *)numbers, length, order) < 0 ? SCAN_FAILED : order;
}

static int add_found(scanner *self, const walk *at, int run, int64_t order) {
    if (self->found_words + FOUND_WORDS > self->found_room) {
        size_t room = self->found_room * 2 + 64 * FOUND_WORDS;
        int64_t *grown = realloc(self->found, room * sizeof *grown);
        if (grown == NULL)
            return -1;
        self->found = grown;
        self->found_room = room;
    }
    int64_t *into = self->found + self->found_words;
    into[FOUND_PLACE] = (at->first - self->rows) * (int64_t)sizeof *self->rows;
    into[FOUND_END] = (at->next - self->rows) * (int64_t)sizeof *self->rows;
    into[FOUND_RUN] = run;
    into[FOUND_COUNT] = at->count;
    into[FOUND_ORDER] = order;
    self->found_words += FOUND_WORDS;
    return 0;
}

int scanner_find_runs(scanner *self) {
    self->found_words = 0;
    if (self->words == 0)
        return 0;
    const int64_t *row = self->rows, *stop = self->rows + self->words;
    while (row < stop) {
        if (row[ROW_PROGRAM] < 0) {
            row += ROW_SLOW_WORDS;
            continue;
        }
        scan_program *of = &self->programs[row[ROW_PROGRAM]];
        if (!of->met) {
            of->met = 1;
        } else if (!of->is_return && (of->kind <= KIND_PFNMAP_TRACK || of->role != NO_ROLE)) {
            walk at;
            int run = run_at(self, row, &at);
            int64_t order = UNKNOWN;
            if (run == RUN_MAPPING || run == RUN_UNTRACKING || run == RUN_FORKED) {
                order = order_of(self, &at);
                if (order == SCAN_FAILED)
                    return -1;
                if (order == SCAN_SLOW)
                    run = NO_RUN;
            }
            if (run != NO_RUN) {
                if (add_found(self, &at, run, order) < 0)
                    return -1;
                row = at.next;
                continue;
            }
        }
        row += SCAN_HEAD + of->slots;
    }
    return 0;
}
