/* Pieces of a line that every layout has. */
#ifndef PAT_CHECK_TEXT_H
#define PAT_CHECK_TEXT_H

#include <stdint.h>

static inline int is_digit(char c) { return c >= '0' && c <= '9'; }

static inline int is_printed(char c) { return c >= ' ' && c <= '~'; }

/* Digits from *at on; fails on none or on more than `most`. */
static inline int digits(const char **at, const char *end, int most, int64_t *value) {
    const char *from = *at, *p = from;
    int64_t number = 0;
    while (p < end && is_digit(*p)) {
        if (p - from == most)
            return -1;
        number = number * 10 + (*p++ - '0');
    }
    *at = p;
    *value = number;
    return p == from ? -1 : 0;
}

/* Spaces from *at on; fails on none or on more than `most`. */
static inline int spaces(const char **at, const char *end, int most) {
    const char *from = *at, *p = from;
    while (p < end && *p == ' ')
        p++;
    *at = p;
    return p == from || p - from > most ? -1 : 0;
}

#endif
