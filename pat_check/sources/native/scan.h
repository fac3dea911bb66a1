/*
 * Reads recordings line by line, without Python: the fast lane of the decoders in pat_check/sources/scanned.py.
 *
 * A line becomes one row of 64-bit words. Only what is surely read alike by the reference decoder is decoded here;
 * every other line becomes a row that says where it stands, for the reference decoder to read.
 */
#ifndef PAT_CHECK_SCAN_H
#define PAT_CHECK_SCAN_H

#include <stddef.h>
#include <stdint.h>

#define SCAN_SLOTS 16   /* values of one event at most */
#define SCAN_ALIASES 96 /* names that the fields of one event go by */
#define SCAN_NAME 24    /* bytes of a field's name */
#define SCAN_HEAD 7     /* words of a row before its values */

/* What a resolved key stands for: a program from 0 on, or one of these; from SCAN_IGNORED_0 on down an ignored name. */
#define SCAN_SLOW (-1)
#define SCAN_FAILED (-2)
#define SCAN_NOTHING (-3) /* a line without an event */
#define SCAN_IGNORED_0 (-4)

/* A value from 2^63 on is a number of 64 bits that Python would have to make anew each time: such a value, below
 * SCAN_LOWEST, stands in a row as 2^63 + its number in the scanner's table of them. Above, it stands for itself: results
 * like -12 are often printed as unsigned. */
#define SCAN_LOWEST ((uint64_t)0xffffffff00000000u)
#define SCAN_LARGE ((uint64_t)1 << 63)

/* Words of a row: a decoded event has all of them and its values behind; a line for the reference has four. */
enum { ROW_AT, ROW_PROGRAM, ROW_PID, ROW_CPU, ROW_TIME, ROW_COMM, ROW_MASK };
enum { ROW_OFFSET = 2, ROW_LENGTH = 3, ROW_SLOW_WORDS = 4 };

/* One name of a field: the present one of the lowest rank gives the value of its slot. A name of several slots stands
 * several times in a row, each but the last with `again`. */
typedef struct {
    char name[SCAN_NAME];
    uint8_t length, slot, rank, again;
} scan_alias;

/* How the payload of one probed place is read. Bits of `needed` are slots without which nothing can be made. */
typedef struct {
    scan_alias aliases[SCAN_ALIASES];
    int64_t defaults[SCAN_SLOTS];
    uint32_t needed, has_default;
    int alias_count, slots;
    int kind, role;       /* of the function, as in runs.h */
    int is_return, met;   /* met: a row of it has come */
    int function, outer;  /* numbers of names: of the function, and of that to which a return goes */
} scan_program;

typedef struct scan_table scan_table;

/* Large values by number, in the order in which they appeared. */
typedef struct {
    uint64_t *values;
    uint32_t *slots; /* 1 + number of a value; 0 free */
    uint32_t count, mask;
} scan_large;

#define SCAN_PREFIX 31   /* bytes of a line of ftrace before its flags, in the usual case */
#define SCAN_PREFIXES 64 /* that are remembered */

/* How lines of a task on a CPU begin, and what that says. */
typedef struct {
    char text[SCAN_PREFIX + 1];
    int64_t pid, cpu, comm;        /* the number of the comm; SCAN_SLOW is not known yet */
    int comm_from, comm_length, is_known;
} scan_prefix;

/* The formats that are read; layouts.c knows them. */
typedef enum { SCAN_FTRACE, SCAN_PERF, SCAN_BPFTRACE, SCAN_LAYOUTS } scan_layout;

/* Asks what a key stands for, once for each key: `name` is 0 for a place ("name: (symbol", or an event of perf or
 * bpftrace), 1 for a bare name. */
typedef int64_t (*scan_resolve)(void *context, int name, const char *key, size_t length);

typedef struct {
    scan_program *programs;
    int program_count;
    scan_layout layout;
    scan_table *places, *names, *comms, *orders;
    int64_t *counts; /* of each ignored name */
    int64_t *seen;   /* of each program */
    int64_t count_room, seen_room;
    scan_resolve resolve;
    void *context;
    scan_large large;
    scan_prefix prefixes[SCAN_PREFIXES];
    int64_t *rows; /* of the last block */
    size_t words, room;
    int64_t *found; /* the runs in it */
    size_t found_words, found_room;
    int count_only; /* no rows of what is decoded: it is only counted */
} scanner;

int scanner_init(scanner *self, scan_layout layout, scan_resolve resolve, void *context);
void scanner_free(scanner *self);

/* A new program, zeroed; NULL without memory. */
scan_program *scanner_program(scanner *self);

/* The comm strings by number, in the order in which they appeared; NULL behind the last. */
const char *scanner_comm(const scanner *self, int64_t number, size_t *length);

/* Forgets the large values: rows to come count them from 0 on. */
void scanner_forget(scanner *self);

/* Reads whole lines, each with its newline; `first` is the number of the first. With `cut` the text is one line that
 * may be torn: it is left to the reference. Returns the number of lines, or -1 without memory or when `resolve`
 * returned SCAN_FAILED. */
int64_t scanner_scan(scanner *self, const char *text, size_t length, int64_t first, int cut);

#endif
