/* What stands before the values of an event: the part of a line that each format has in its own way. */
#ifndef PAT_CHECK_LAYOUTS_H
#define PAT_CHECK_LAYOUTS_H

#include "scan.h"

typedef struct {
    const char *comm, *payload;
    size_t comm_length;
    int64_t pid, cpu;
    int64_t ticks; /* the time is ticks / rate */
    double rate;
    scan_prefix *prefix; /* that the line begins with, if it is remembered */
} columns;

/* Reads a line up to its values and returns what its event stands for: a program, an ignored name, SCAN_NOTHING,
 * SCAN_FAILED, or SCAN_SLOW for what the reference might read in another way. Only a program needs all columns. */
typedef int64_t (*layout_reader)(scanner *self, const char *line, const char *end, columns *out);

/* By SCAN_FTRACE and so on. */
extern const layout_reader layout_readers[SCAN_LAYOUTS];

#endif
