/* Runs of calls on VMAs; see walk.h. */
#include "walk.h"

/* Whether these flags, where they are recorded, are those of a VMA that nobody follows. */
static int is_ordinary(const int64_t *row, int slot) {
    int64_t flags = values_of(row)[slot];
    return flags >= 0 ? (flags & FOLLOWED) == 0 : (int)(row[ROW_MASK] >> slot & 1);
}

/* Whether a pointer is NULL or not recorded. */
static int is_none(const int64_t *row, int slot) {
    int64_t pointer = values_of(row)[slot];
    return pointer == 0 || (pointer < 0 && row[ROW_MASK] >> slot & 1);
}

/* Takes vm_area_dup() and copy_page_range() of the same VMA, each with its return. Returns the row of the first call;
 * NULL, and nothing is taken, where they are not as ever. */
static const int64_t *copies(walk *at, int followed, int64_t mm) {
    walk ahead = *at;
    if (!enters(&ahead, KIND_VM_AREA_DUP))
        return NULL;
    const int64_t *dup = ahead.row, *shown = values_of(dup);
    if (followed) {
        if (shown[0] == 0 || shown[1] != mm || shown[2] < 0 || shown[2] >= shown[3])
            return NULL;
        if (shown[5] == UNKNOWN || !is_followed(shown[4]))
            return NULL;
    }
    if (!leaves_plainly(&ahead, ahead.of))
        return NULL;
    int64_t made = value(&ahead, SLOT_RESULT);
    if (is_error_or_null(made))
        return NULL;
    if (!followed && !(is_ordinary(dup, 4) && is_none(dup, 5)))
        return NULL;
    if (!enters_as(&ahead, KIND_COPY_PAGE_RANGE, ROLE_COPY_PAGE_RANGE))
        return NULL;
    if (value(&ahead, 0) != made || !are_alike(dup, ahead.row) || (!followed && !is_ordinary(ahead.row, 5)))
        return NULL;
    if (!leaves_plainly(&ahead, ahead.of) || value(&ahead, SLOT_RESULT) != 0)
        return NULL;
    *at = ahead;
    return dup;
}

/* Calls on ordinary VMAs. A result that is not as ever (a copy that fails), a context, a VMA that is copied without
 * having been duplicated, or one that is duplicated and not copied next, ends a run before it. So does another name of
 * the task. */
int ordinary(walk *at) {
    const int64_t *dup = NULL;
    int64_t mm = 0, own = 0, outer = 0;
    int role = -1, zaps = 0;
    while (at->first[ROW_PID] > 0) {
        const scan_program *of = peek(at);
        if (of == NULL || of->is_return)
            break;
        const int64_t *row = at->next, *shown = values_of(row);
        if (of->kind == KIND_VM_AREA_FREE) {
            if (shown[0] == 0 || !is_none(row, 1))
                break;
            outer = 0;
            take(at, of);
        } else if (of->kind == KIND_ZAP_VMA) {
            own = shown[1];
            if (!is_ordinary(row, 6) || (zaps && own != mm))
                break;
            if (outer && shown[0] == outer && of->role == ROLE_UNMAP_PAGE_RANGE) {
                outer = 0;
            } else if (zaps && of->role != role) {
                break;
            } else {
                mm = own;
                role = of->role;
                outer = role == ROLE_UNMAP_SINGLE_VMA ? shown[0] : 0;
            }
            zaps++;
            take(at, of);
        } else if (of->kind == KIND_VM_AREA_DUP) {
            walk ahead = *at;
            if (copies(&ahead, 0, 0) == NULL || (dup != NULL && shown[1] != own))
                break;
            own = shown[1];
            dup = row;
            outer = 0;
            *at = ahead;
        } else {
            break;
        }
    }
    return at->count >= 2;
}

/* Followed VMAs of one address space that a fork copies. */
int copied(walk *at) {
    int64_t mm = values_of(at->first)[1];
    while (mm != 0 && copies(at, 1, mm) != NULL)
        ;
    return at->count > 0;
}

/* Entries of followed VMAs are cleared from end to end. */
int zapped(walk *at) {
    int64_t mm = values_of(at->first)[1];
    while (mm != 0) {
        const scan_program *of = peek(at);
        if (of == NULL || of->is_return || of->kind != KIND_ZAP_VMA || of->role != ROLE_ZAP_VMA_RANGE)
            break;
        const int64_t *shown = values_of(at->next);
        if (shown[0] == 0 || shown[1] != mm || !is_followed(shown[6]))
            break;
        if (shown[4] < 0 || shown[4] != shown[2] || shown[2] >= shown[3] || shown[3] != shown[5])
            break;
        take(at, of);
    }
    return at->count >= 2;
}

int freed(walk *at) {
    for (;;) {
        const scan_program *of = peek(at);
        if (of == NULL || of->is_return || of->kind != KIND_VM_AREA_FREE)
            break;
        const int64_t *shown = values_of(at->next);
        if (shown[0] == 0 || shown[1] == UNKNOWN)
            break;
        take(at, of);
    }
    return at->count >= 2;
}

int split(walk *at) {
    if (!enters(at, KIND_SPLIT_VMA))
        return 0;
    const scan_program *splitting = at->of;
    const int64_t *shown = values_of(at->row);
    if (shown[0] == 0 || shown[1] == 0 || !is_followed(shown[4]))
        return 0;
    if (shown[2] < 0 || shown[2] >= shown[5] || shown[5] >= shown[3])
        return 0;
    if (!enters(at, KIND_VM_AREA_DUP) || memcmp(values_of(at->row), shown, 5 * sizeof *shown) != 0)
        return 0;
    if (value(at, 5) == UNKNOWN || !leaves_plainly(at, at->of) || is_error_or_null(value(at, SLOT_RESULT)))
        return 0;
    return leaves_plainly(at, splitting) && value(at, SLOT_RESULT) == 0;
}

int unmapped(walk *at) {
    if (!enters(at, KIND_UNMAP_VMAS))
        return 0;
    const int64_t *shown = values_of(at->row);
    if (!enters_as(at, KIND_ZAP_VMA, ROLE_ZAP_VMA_RANGE) || shown[2] == 0 || shown[0] < 0 || shown[0] >= shown[1])
        return 0;
    const int64_t *zapping = values_of(at->row);
    if (zapping[1] == 0 || zapping[0] != shown[2] || !is_followed(zapping[6]))
        return 0;
    if (memcmp(zapping + 2, shown, 2 * sizeof *shown) != 0 || memcmp(zapping + 4, shown, 2 * sizeof *shown) != 0)
        return 0;
    return enters(at, KIND_VM_AREA_FREE) && value(at, 0) == shown[2] && value(at, 1) != UNKNOWN;
}
