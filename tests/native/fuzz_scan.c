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

#include "scan.h"

static const char *const NAMES[] = {"start", "end", "req", "req_type", "vma", "mm", "vm_start", "vs", "ret", "retval"};

#define MOST_COMM 64 /* bytes, of bpftrace */

static void check(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* Some keys are programs of different shapes, some are ignored, some are left to the reference. */
static int64_t resolve(void *context, int name, const char *key, size_t length) {
    scanner *self = context;
    unsigned sum = 0;
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
