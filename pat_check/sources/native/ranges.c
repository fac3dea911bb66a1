/* Runs that reserve and free; see walk.h. */
#include "walk.h"

#define PAGE 4096
#define ISA_END 0x100000
#define HIGHEST ((int64_t)1 << 52)
#define UINT ((int64_t)1 << 32)
#define EINVAL_RESULT (-22)

/* Whether these are whole pages above the first megabyte. */
static int is_plain(int64_t start, int64_t end) {
    return ISA_END <= start && start < end && end < HIGHEST && ((start | end) & (PAGE - 1)) == 0;
}

/* Whether a result, of 32 or of 64 bits, is this one. */
static int is_result(int64_t bits, int64_t ret) { return bits == ret || (ret < 0 && bits == ret + UINT); }

/* Whether a caller returns 0 with this result, and an error with an error. */
static int ends(int64_t bits, int64_t ret) {
    if (ret == 0)
        return bits == 0;
    return (-4096 < bits && bits < 0) || (UINT - 4096 < bits && bits < UINT);
}

/* The remap_pfn_range() of a whole VMA. */
int maps(walk *at) {
    if (at->first[ROW_PID] <= 0 || !enters(at, KIND_REMAP_PFN_RANGE))
        return 0;
    const scan_program *outside = at->of, *inside = NULL;
    const int64_t *shown = values_of(at->row);
    int64_t vm_start = shown[2], vm_end = shown[3], pfn = shown[5], size = shown[6];
    if (pfn <= 0 || pfn >= HIGHEST / PAGE || size <= 0 || size >= HIGHEST)
        return 0;
    int64_t start = pfn * PAGE, length = (size + PAGE - 1) & -PAGE, end = start + length;
    if (start < ISA_END || end >= HIGHEST || shown[0] == 0)
        return 0;
    if (vm_start < 0 || shown[4] != vm_start || vm_start >= vm_end || length != vm_end - vm_start || !calls(at))
        return 0;
    if (at->of->kind == KIND_REMAP_PFN_RANGE) {
        if (at->of->role != ROLE_REMAP_PFN_RANGE_TRACK && at->of->role != ROLE_TRACK_PFN_REMAP)
            return 0;
        if (memcmp(values_of(at->row), shown, 7 * sizeof *shown) != 0)
            return 0;
        inside = at->of;
        if (!calls(at))
            return 0;
    }
    const scan_program *reserving = at->of;
    if (reserving->kind == KIND_PFNMAP_TRACK) {
        if (value(at, 0) != pfn)
            return 0;
    } else if (reserving->kind != KIND_RESERVE_PFN_RANGE || value(at, 0) != start || value(at, 3) > 0) {
        return 0;
    }
    if (value(at, 1) != length || !enters(at, KIND_MEMTYPE_RESERVE))
        return 0;
    if (value(at, 0) != start || value(at, 1) != end || value(at, 3) == 0)
        return 0;
    const scan_program *request = at->of;
    if (!enters(at, KIND_MEMTYPE_CHECK_INSERT) || value(at, 0) != start || value(at, 1) != end || !leaves(at, at->of))
        return 0;
    int64_t ret = value(at, SLOT_RESULT);
    if (ret > 0 && (ret -= UINT) == 0)
        return 0;
    if (ret > 0 || ret <= -4096)
        return 0;
    if (!leaves(at, request) || !is_result(value(at, SLOT_RESULT), ret))
        return 0;
    if (ret == 0) {
        if (!enters(at, KIND_MEMTYPE_KERNEL_MAP_SYNC) || value(at, 0) != start || value(at, 1) != length)
            return 0;
        if (!leaves_with_none(at, at->of))
            return 0;
    }
    if (!leaves(at, reserving) || !ends(value(at, SLOT_RESULT), ret))
        return 0;
    int64_t handed = value(at, SLOT_RESULT);
    if (inside != NULL) {
        if (!leaves(at, inside) || !ends(value(at, SLOT_RESULT), ret))
            return 0;
        if (reserving->kind == KIND_RESERVE_PFN_RANGE && value(at, SLOT_RESULT) != handed)
            return 0;
        handed = value(at, SLOT_RESULT);
    }
    if (!leaves(at, outside) || !ends(value(at, SLOT_RESULT), ret))
        return 0;
    /* what remap_pfn_range_track() returns remap_pfn_range() returns, too */
    return inside == NULL || inside->role != ROLE_REMAP_PFN_RANGE_TRACK || value(at, SLOT_RESULT) == handed;
}

/* The release of a context, with all that it calls. */
int untracks(walk *at) {
    if (at->first[ROW_PID] <= 0 || !enters(at, KIND_FREE_PFN_RANGE))
        return 0;
    int64_t pfn = value(at, 2), size = value(at, 3);
    if (pfn <= 0 || pfn >= HIGHEST / PAGE || size <= 0 || size >= HIGHEST || size % PAGE)
        return 0;
    int64_t start = pfn * PAGE, end = start + size;
    if (start < ISA_END || end >= HIGHEST)
        return 0;
    if (!enters_as(at, KIND_FREE_PFN_RANGE, ROLE_PFNMAP_UNTRACK) || value(at, 2) != pfn || value(at, 3) != size)
        return 0;
    if (!enters(at, KIND_MEMTYPE_FREE) || value(at, 0) != start || value(at, 1) != end)
        return 0;
    const scan_program *freeing = at->of;
    if (!enters(at, KIND_MEMTYPE_ERASE) || value(at, 0) != start || value(at, 1) != end)
        return 0;
    if (!leaves(at, at->of) || is_error_or_null(value(at, SLOT_RESULT)))
        return 0;
    return leaves_with_none(at, freeing);
}

/* memtype_reserve() of a range that goes into the tree. */
int reserves(walk *at) {
    if (at->first[ROW_PID] <= 0 || !enters(at, KIND_MEMTYPE_RESERVE))
        return 0;
    const scan_program *call = at->of;
    int64_t start = value(at, 0), end = value(at, 1);
    if (!is_plain(start, end) || !enters(at, KIND_MEMTYPE_CHECK_INSERT))
        return 0;
    if (value(at, 0) != start || value(at, 1) != end)
        return 0;
    if (value(at, 2) < 0 && at->row[ROW_MASK] >> 2 & 1) /* the type is not recorded */
        return 0;
    if (!leaves(at, at->of) || at->of->outer != call->function || value(at, SLOT_RESULT))
        return 0;
    return leaves(at, call) && at->of->outer != call->function && value(at, SLOT_RESULT) == 0;
}

/* memtype_free() of a range that is looked for in the tree. */
int frees(walk *at) {
    if (at->first[ROW_PID] <= 0 || !enters(at, KIND_MEMTYPE_FREE))
        return 0;
    const scan_program *call = at->of;
    int64_t start = value(at, 0), end = value(at, 1);
    if (!is_plain(start, end) || !enters(at, KIND_MEMTYPE_ERASE) || value(at, 0) != start || value(at, 1) != end)
        return 0;
    if (!leaves(at, at->of) || at->of->outer != call->function)
        return 0;
    int64_t erased = value(at, SLOT_RESULT);
    if (!leaves(at, call) || at->of->outer == call->function)
        return 0;
    int64_t ret = value(at, SLOT_RESULT);
    return ERRORS <= erased && erased < 0 ? ret == EINVAL_RESULT || ret == EINVAL_RESULT + UINT : ret == 0;
}

/* Whether a call shows the VMA that the zap shows, with these flags. */
static int shows(const walk *at, const int64_t *zap, int64_t flags) {
    const int64_t *shown = values_of(at->row);
    return shown[0] == zap[0] && shown[1] == zap[1] && shown[4] == zap[4] && shown[5] == zap[5] && shown[6] == flags;
}

/* A value as a number, as its bits are unsigned or were printed with a minus, is not below `other`, which is not
 * negative. */
static int is_at_least(const int64_t *row, int slot, int64_t other) {
    int64_t bits = values_of(row)[slot];
    return bits < 0 ? !(row[ROW_MASK] >> slot & 1) : bits >= other;
}

/* unmap_single_vma() of a whole mapping with VM_PAT. */
int ends_tracked(walk *at) {
    if (at->first[ROW_PID] <= 0 || !enters_as(at, KIND_ZAP_VMA, ROLE_UNMAP_SINGLE_VMA))
        return 0;
    const int64_t *row = at->row, *zap = values_of(row);
    if (zap[0] == 0 || zap[1] == 0 || zap[4] < 0 || zap[4] >= zap[5])
        return 0;
    if (zap[2] < 0 || zap[2] > zap[4] || !is_at_least(row, 3, zap[5]))
        return 0;
    if (!enters_as(at, KIND_FREE_PFN_RANGE, ROLE_UNTRACK_PFN) || !shows(at, zap, zap[6]) || value(at, 2) || value(at, 3))
        return 0;
    const scan_program *next = peek(at);
    if (next != NULL && next->role == ROLE_GET_PAT_INFO && !next->is_return) {
        take(at, next);
        if (value(at, 0) != zap[0] || !leaves_with_none(at, next))
            return 0;
    }
    walk inner = *at;
    inner.first = at->next;
    if (peek(at) == NULL || !frees(&inner))
        return 0;
    const int64_t *call = values_of(inner.first);
    if (call[1] - call[0] != zap[5] - zap[4])
        return 0;
    inner.first = at->first;
    *at = inner;
    if (!enters_as(at, KIND_ZAP_VMA, ROLE_UNMAP_PAGE_RANGE) || !shows(at, zap, zap[6] & ~(int64_t)TRACKED))
        return 0;
    return value(at, 2) == zap[4] && value(at, 3) == zap[5];
}

/* Whether this function comes next, of the VMA that vm_area_dup() shows, and its copy. */
static int copies_as(walk *at, int role, const int64_t *dup, int64_t made) {
    return enters_as(at, KIND_COPY_PAGE_RANGE, role) && value(at, 0) == made && are_alike(dup, at->row);
}

/* What a fork does with a mapping with VM_PAT. */
int copies_tracked(walk *at) {
    if (at->first[ROW_PID] <= 0 || !enters(at, KIND_VM_AREA_DUP))
        return 0;
    const int64_t *dup = at->row, *shown = values_of(dup);
    if (shown[5] != 0 && !(shown[5] < 0 && dup[ROW_MASK] >> 5 & 1)) /* it has a context */
        return 0;
    if (shown[0] == 0 || shown[1] == 0 || shown[2] < 0 || shown[2] >= shown[3] || !leaves(at, at->of))
        return 0;
    int64_t made = value(at, SLOT_RESULT), length = shown[3] - shown[2];
    if (is_error_or_null(made) || made == shown[0])
        return 0;
    if (!enters_as(at, KIND_FREE_PFN_RANGE, ROLE_UNTRACK_PFN_CLEAR) || value(at, 0) != made || value(at, 1) != shown[1])
        return 0;
    if (value(at, 4) != shown[2] || value(at, 5) != shown[3] || value(at, 6) != shown[4])
        return 0;
    if (!copies_as(at, ROLE_COPY_PAGE_RANGE, dup, made))
        return 0;
    const scan_program *copying = at->of;
    if (!copies_as(at, ROLE_TRACK_PFN_COPY, dup, made))
        return 0;
    const scan_program *tracking = at->of;
    if (!calls(at))
        return 0;
    if (at->of->role == ROLE_GET_PAT_INFO && !(value(at, 0) == shown[0] && leaves_with_none(at, at->of) && calls(at)))
        return 0;
    const scan_program *range = at->of;
    if (range->kind != KIND_RESERVE_PFN_RANGE || value(at, 1) != length || value(at, 3) != 1)
        return 0;
    int64_t start = value(at, 0);
    walk inner = *at;
    inner.first = at->next;
    if (peek(at) == NULL || !reserves(&inner))
        return 0;
    const int64_t *call = values_of(inner.first);
    if (call[0] != start || call[1] != start + length)
        return 0;
    inner.first = at->first;
    *at = inner;
    if (!enters(at, KIND_MEMTYPE_KERNEL_MAP_SYNC) || value(at, 0) != start || value(at, 1) != length)
        return 0;
    return leaves_with_none(at, at->of) && leaves_with_none(at, range) && leaves_with_none(at, tracking) &&
           leaves_with_none(at, copying);
}
