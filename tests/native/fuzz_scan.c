/*
 * A fuzz target for pat_check/sources/native/scan.c, for libFuzzer; each input is read in every layout:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -Ipat_check/sources/native \
 *         tests/native/fuzz_scan.c pat_check/sources/native/[!_]*.c -o fuzz_scan
 *     ./fuzz_scan -dict=tests/native/lines.dict CORPUS
 *
 * With -DSTANDALONE any compiler makes a program that runs the files it is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runs.h"
#include "scan.h"

static const char *const NAMES[] = {"start", "end", "req", "req_type", "vma", "mm", "vm_start", "vs", "ret", "retval"};

/* Functions that runs are made of, with their fields in order. */
static const struct {
    const char *function;
    int kind, role;
    const char *fields[SCAN_SLOTS];
} FUNCTIONS[] = {
    {"vm_area_free", KIND_VM_AREA_FREE, NO_ROLE, {"vma", "ctx"}},
    {"vm_area_dup", KIND_VM_AREA_DUP, NO_ROLE, {"vma", "mm", "vm_start", "vm_end", "vm_flags", "ctx"}},
    {"__zap_vma_range", KIND_ZAP_VMA, ROLE_ZAP_VMA_RANGE, {"vma", "mm", "start", "end", "vm_start", "vm_end", "vm_flags"}},
    {"unmap_single_vma", KIND_ZAP_VMA, ROLE_UNMAP_SINGLE_VMA, {"vma", "mm", "start", "end", "vm_start", "vm_end", "vm_flags"}},
    {"unmap_page_range", KIND_ZAP_VMA, ROLE_UNMAP_PAGE_RANGE, {"vma", "mm", "start", "end", "vm_start", "vm_end", "vm_flags"}},
    {"copy_page_range", KIND_COPY_PAGE_RANGE, ROLE_COPY_PAGE_RANGE, {"dst", "vma", "mm", "vm_start", "vm_end", "vm_flags"}},
    {"track_pfn_copy", KIND_COPY_PAGE_RANGE, ROLE_TRACK_PFN_COPY, {"dst", "vma", "mm", "vm_start", "vm_end", "vm_flags"}},
    {"unmap_vmas", KIND_UNMAP_VMAS, NO_ROLE, {"start", "end", "vma", "mm"}},
    {"memtype_reserve", KIND_MEMTYPE_RESERVE, NO_ROLE, {"start", "end", "req", "newp"}},
    {"memtype_free", KIND_MEMTYPE_FREE, NO_ROLE, {"start", "end"}},
    {"memtype_check_insert", KIND_MEMTYPE_CHECK_INSERT, NO_ROLE, {"start", "end", "type"}},
    {"memtype_erase", KIND_MEMTYPE_ERASE, NO_ROLE, {"start", "end"}},
    {"remap_pfn_range", KIND_REMAP_PFN_RANGE, ROLE_REMAP_PFN_RANGE,
     {"vma", "mm", "vm_start", "vm_end", "addr", "pfn", "size", "ctx", "vm_flags", "prot"}},
    {"remap_pfn_range_track", KIND_REMAP_PFN_RANGE, ROLE_REMAP_PFN_RANGE_TRACK,
     {"vma", "mm", "vm_start", "vm_end", "addr", "pfn", "size", "ctx", "vm_flags", "prot"}},
    {"track_pfn_remap", KIND_REMAP_PFN_RANGE, ROLE_TRACK_PFN_REMAP,
     {"vma", "mm", "vm_start", "vm_end", "addr", "pfn", "size", "ctx", "vm_flags", "prot"}},
    {"pfnmap_track_ctx_release", KIND_FREE_PFN_RANGE, ROLE_CTX_RELEASE,
     {"vma", "mm", "pfn", "size", "vm_start", "vm_end", "vm_flags", "ctx"}},
    {"pfnmap_untrack", KIND_FREE_PFN_RANGE, ROLE_PFNMAP_UNTRACK,
     {"vma", "mm", "pfn", "size", "vm_start", "vm_end", "vm_flags", "ctx"}},
    {"untrack_pfn", KIND_FREE_PFN_RANGE, ROLE_UNTRACK_PFN,
     {"vma", "mm", "pfn", "size", "vm_start", "vm_end", "vm_flags", "ctx"}},
    {"untrack_pfn_clear", KIND_FREE_PFN_RANGE, ROLE_UNTRACK_PFN_CLEAR,
     {"vma", "mm", "pfn", "size", "vm_start", "vm_end", "vm_flags", "ctx"}},
    {"memtype_kernel_map_sync", KIND_MEMTYPE_KERNEL_MAP_SYNC, NO_ROLE, {"base", "size", "pcm"}},
    {"__split_vma", KIND_SPLIT_VMA, NO_ROLE, {"vma", "mm", "vm_start", "vm_end", "vm_flags", "addr", "new_below"}},
    {"reserve_pfn_range", KIND_RESERVE_PFN_RANGE, NO_ROLE, {"paddr", "size", "prot", "strict"}},
    {"pfnmap_track", KIND_PFNMAP_TRACK, NO_ROLE, {"pfn", "size", "prot"}},
    {"get_pat_info", KIND_PFNMAP_TRACK + 1, ROLE_GET_PAT_INFO, {"vma"}},
};
#define FUNCTION_COUNT ((int)(sizeof FUNCTIONS / sizeof *FUNCTIONS))

#define MOST_COMM 64 /* bytes, of bpftrace */

static void check(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* The number of the function whose name stands there; -1 none is known. */
static int function_at(const char *text, size_t length) {
    size_t end = 0;
    while (end < length && (text[end] == '_' || (text[end] >= 'a' && text[end] <= 'z')))
        end++;
    if (end > 5 && memcmp(text + end - 5, "__ret", 5) == 0)
        end -= 5;
    for (int number = 0; number < FUNCTION_COUNT; number++)
        if (strlen(FUNCTIONS[number].function) == end && memcmp(FUNCTIONS[number].function, text, end) == 0)
            return number;
    return -1;
}

static void add_alias(scan_program *program, const char *name, int slot, int rank) {
    scan_alias *alias = &program->aliases[program->alias_count++];
    alias->length = (uint8_t)strlen(name);
    memcpy(alias->name, name, alias->length);
    alias->slot = (uint8_t)slot;
    alias->rank = (uint8_t)rank;
}

/* A program of a function that runs are made of, as pat_check/sources/lane.py defines it. */
static int64_t define(scanner *self, int number, const char *key, size_t length) {
    scan_program *program = scanner_program(self);
    check(program != NULL, "memory for a program");
    program->function = number;
    program->outer = -1;
    for (size_t index = 0; index + 1 < length; index++) {
        if (key[index] == '(')
            program->outer = function_at(key + index + 1, length - index - 1);
        if (key[index] == '<' && key[index + 1] == '-')
            program->is_return = 1;
    }
    int first = 0;
    if (program->is_return) {
        add_alias(program, "ret", SLOT_RESULT, 0);
        add_alias(program, "new", SLOT_MODE, 0);
        add_alias(program, "from", SLOT_START, 0);
        first = SLOT_START + 1;
    }
    program->kind = FUNCTIONS[number].kind;
    program->role = FUNCTIONS[number].role;
    program->slots = first;
    for (int slot = 0; slot < SCAN_SLOTS && FUNCTIONS[number].fields[slot] != NULL; slot++)
        add_alias(program, FUNCTIONS[number].fields[slot], program->slots++, 0);
    program->has_default = 0xffff;
    for (int slot = 0; slot < SCAN_SLOTS; slot++)
        program->defaults[slot] = -1;
    check(is_sound(program), "a function has what runs ask of it");
    return self->program_count - 1;
}

/* Some keys are programs of different shapes, some are ignored, some are left to the reference. */
static int64_t resolve(void *context, int name, const char *key, size_t length) {
    scanner *self = context;
    unsigned sum = 0;
    int number = function_at(key, length);
    if (!name && number >= 0)
        return define(self, number, key, length);
    for (size_t index = 0; index < length; index++)
        sum = sum * 31 + (unsigned char)key[index];
    if (name)
        return sum % 7 == 0 ? SCAN_SLOW : SCAN_IGNORED_0 - (int64_t)(sum % 100);
    if (sum % 11 == 0)
        return SCAN_SLOW;
    if (sum % 5 == 0)
        return SCAN_IGNORED_0 - (int64_t)(sum % 100);
    scan_program *program = scanner_program(self);
    check(program != NULL, "memory for a program");
    program->slots = (int)(sum % SCAN_SLOTS) + 1;
    program->needed = sum % 3 ? 0 : 1;
    program->has_default = sum >> 4 & 0xffff;
    for (size_t index = 0; index < sizeof NAMES / sizeof *NAMES; index++) {
        scan_alias *alias = &program->aliases[program->alias_count++];
        alias->length = (uint8_t)strlen(NAMES[index]);
        memcpy(alias->name, NAMES[index], alias->length);
        alias->slot = (uint8_t)(index % (size_t)program->slots);
        alias->rank = (uint8_t)index;
        if (index % 4 == 0 && index > 0) { /* the same name once more, for another slot */
            alias->again = 1;
            alias[1] = alias[0];
            alias[1].slot = (uint8_t)((index + 1) % (size_t)program->slots);
            alias[1].again = 0;
            program->alias_count++;
        }
    }
    return self->program_count - 1;
}

static void check_rows(const scanner *self, size_t size, int64_t first, int64_t lines) {
    int64_t last = first - 1;
    size_t word = 0, length;
    while (word < self->words) {
        const int64_t *row = self->rows + word;
        check(row[ROW_AT] > last && row[ROW_AT] < first + lines, "lines ascend");
        last = row[ROW_AT];
        if (row[ROW_PROGRAM] < 0) {
            check(row[ROW_OFFSET] >= 0 && row[ROW_LENGTH] >= 0, "an excerpt is somewhere");
            check((size_t)(row[ROW_OFFSET] + row[ROW_LENGTH]) <= size, "an excerpt is inside");
            word += ROW_SLOW_WORDS;
        } else {
            check(row[ROW_PROGRAM] < self->program_count, "a program exists");
            check(scanner_comm(self, row[ROW_COMM], &length) != NULL && length <= MOST_COMM, "a comm exists");
            word += SCAN_HEAD + (size_t)self->programs[row[ROW_PROGRAM]].slots;
        }
    }
    check(word == self->words, "rows are whole");
    int64_t behind = 0;
    check(self->found_words % FOUND_WORDS == 0, "runs are whole");
    for (size_t at = 0; at < self->found_words; at += FOUND_WORDS) {
        const int64_t *found = self->found + at;
        check(found[FOUND_PLACE] >= behind && found[FOUND_PLACE] < found[FOUND_END], "runs ascend");
        behind = found[FOUND_END];
        check(behind <= (int64_t)(self->words * sizeof *self->rows), "a run is inside");
        check(found[FOUND_RUN] > NO_RUN && found[FOUND_RUN] <= RUN_FORKED, "a run is one");
        int64_t count = 0;
        const int64_t *row = self->rows + found[FOUND_PLACE] / 8, *first = row, *stop = self->rows + behind / 8;
        for (; row < stop; row += SCAN_HEAD + self->programs[row[ROW_PROGRAM]].slots, count++) {
            check(row[ROW_PROGRAM] >= 0, "a run holds no line for the reference");
            check(row[ROW_PID] == first[ROW_PID] && row[ROW_COMM] == first[ROW_COMM], "a run is of one task");
        }
        check(row == stop && count == found[FOUND_COUNT], "a run is of whole rows");
    }
}

static void read_in(scan_layout layout, const uint8_t *data, size_t size) {
    scanner self;
    check(scanner_init(&self, layout, resolve, &self) == 0, "memory for a scanner");
    self.count_only = size > 0 && data[0] == '#';
    char *text = malloc(size ? size : 1); /* of the very size, so that a byte too far is seen */
    check(text != NULL, "memory for the text");
    memcpy(text, data, size);
    int64_t lines = scanner_scan(&self, text, size, 1, 0);
    check(lines >= 0, "all is read");
    check_rows(&self, size, 1, lines);
    const char *newline = memchr(text, '\n', size);
    size_t half = newline == NULL ? size : (size_t)(newline + 1 - text);
    int64_t more = scanner_scan(&self, text + half, size - half, lines + 1, 0);
    check_rows(&self, size - half, lines + 1, more);
    check(scanner_scan(&self, text, half, 1, 1) <= 1, "a torn line is one line");
    free(text);
    scanner_free(&self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int layout = 0; layout < SCAN_LAYOUTS; layout++)
        read_in((scan_layout)layout, data, size);
    return 0;
}

#ifdef STANDALONE
int main(int count, char **paths) {
    for (int index = 1; index < count; index++) {
        FILE *file = fopen(paths[index], "rb");
        check(file != NULL, "a file");
        static uint8_t data[1 << 20];
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%d files\n", count - 1);
    return 0;
}
#endif
