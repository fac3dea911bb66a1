/* Rows in a row that come as one event: which they are is decided here, without any model and without Python. */
#ifndef PAT_CHECK_RUNS_H
#define PAT_CHECK_RUNS_H

#include "scan.h"

/* Kinds of calls, as in programs.py: those with code of their own, and all others. */
enum {
    KIND_VM_AREA_FREE,
    KIND_VM_AREA_DUP,
    KIND_ZAP_VMA,
    KIND_COPY_PAGE_RANGE,
    KIND_UNMAP_VMAS,
    KIND_MEMTYPE_RESERVE,
    KIND_MEMTYPE_FREE,
    KIND_MEMTYPE_CHECK_INSERT,
    KIND_MEMTYPE_ERASE,
    KIND_REMAP_PFN_RANGE,
    KIND_FREE_PFN_RANGE,
    KIND_MEMTYPE_KERNEL_MAP_SYNC,
    KIND_SPLIT_VMA,
    KIND_RESERVE_PFN_RANGE,
    KIND_PFNMAP_TRACK,
};

/* Functions that are told from others of their kind, as in programs.py. */
enum {
    NO_ROLE,
    ROLE_REMAP_PFN_RANGE,
    ROLE_REMAP_PFN_RANGE_TRACK,
    ROLE_TRACK_PFN_REMAP,
    ROLE_CTX_RELEASE,
    ROLE_PFNMAP_UNTRACK,
    ROLE_UNTRACK_PFN,
    ROLE_UNTRACK_PFN_CLEAR,
    ROLE_GET_PAT_INFO,
    ROLE_COPY_PAGE_RANGE,
    ROLE_TRACK_PFN_COPY,
    ROLE_UNMAP_SINGLE_VMA,
    ROLE_UNMAP_PAGE_RANGE,
    ROLE_ZAP_VMA_RANGE,
};

/* Slots of a return. */
enum { SLOT_RESULT, SLOT_MODE, SLOT_START };

/* Runs, as in programs.py. */
enum {
    NO_RUN,
    RUN_ORDINARY,
    RUN_COPIED,
    RUN_ZAPPED,
    RUN_FREED,
    RUN_SPLIT,
    RUN_UNMAPPED,
    RUN_MAPPING,
    RUN_UNTRACKING,
    RUN_RESERVING,
    RUN_FREEING,
    RUN_UNTRACKED,
    RUN_FORKED,
};

/* Words of a run that was found: where it begins and ends in the rows, in bytes, which run it is, of how many events,
 * and in which order functions are called, as a number of the scanner's; -1 where nobody asks. */
enum { FOUND_PLACE, FOUND_END, FOUND_RUN, FOUND_COUNT, FOUND_ORDER, FOUND_WORDS };

/* Whether a program has the slots that are asked for; every other must not be made. */
int is_sound(const scan_program *of);

/* Finds the runs in the rows of the last block, into `found`; -1 without memory. No run begins with the first row of a
 * place that ever came: whatever is learned from the first of a kind is learned from it alone. */
int scanner_find_runs(scanner *self);

#endif
