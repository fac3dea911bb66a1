/* Pieces of a line that every layout has. */
#ifndef PAT_CHECK_TEXT_H
#define PAT_CHECK_TEXT_H

#include <stdint.h>
#include <string.h>

/* What a byte may be part of, by its value: the name of an event; a word; and a word before its first `=`. A newline is
 * part of nothing. text_classes() fills the table, and must be called before it is looked at. */
enum { OF_NAME = 1, OF_WORD = 2, OF_KEY = 4 };
extern uint8_t classes[256];
void text_classes(void);

static inline int is(char c, int class) { return classes[(unsigned char)c] & class; }

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

/* Whether these are six digits, as most clocks print behind the point, and their value. */
static inline int six_digits(const char *p, int64_t *value) {
    unsigned of[6], most = 0;
    for (int place = 0; place < 6; place++) {
        of[place] = (unsigned)(unsigned char)p[place] - '0';
        most = of[place] > most ? of[place] : most;
    }
    *value = ((of[0] * 10 + of[1]) * 10 + of[2]) * 1000 + (of[3] * 10 + of[4]) * 10 + of[5];
    return most <= 9;
}

/* Whether these are eight hexadecimal digits, and their value; on machines whose first byte is the lowest. */
static inline int eight_digits(const char *p, uint64_t *value) {
    const uint64_t each = 0x0101010101010101u, top = each << 7;
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t x = word | each * 0x20; /* letters are small then */
    uint64_t digit = (word + each * 0x50) & ~(word + each * 0x46), letter = (x + each * 0x1f) & ~(x + each * 0x19);
    if ((word & top) != 0 || ((digit | letter) & top) != top)
        return 0;
    x = (x & each * 0x0f) + ((letter & top) >> 7) * 9;
    x = (x & 0x00ff00ff00ff00ffu) << 4 | (x >> 8 & 0x00ff00ff00ff00ffu);
    x = (x & 0x0000ffff0000ffffu) << 8 | (x >> 16 & 0x0000ffff0000ffffu);
    *value = (x & 0xffffffffu) << 16 | x >> 32;
    return 1;
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
