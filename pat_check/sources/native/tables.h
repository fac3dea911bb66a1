/* A table of byte strings, numbered in the order they came. */
#ifndef PAT_CHECK_TABLES_H
#define PAT_CHECK_TABLES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "scan.h"

typedef struct {
    uint64_t hash;
    const char *key; /* owned */
    uint32_t length;
    int64_t value;
} entry;

struct scan_table {
    entry *entries;
    int32_t *slots; /* 1 + index of an entry; 0 free */
    uint32_t mask, count, limit;
};

/* A table that its user fills up to a limit; NULL without memory. */
scan_table *table_new(uint32_t limit);
void table_free(scan_table *table);

static inline uint64_t hash_of(const char *key, size_t length) {
    uint64_t hash = 0x9e3779b97f4a7c15u ^ length, word = 0;
    const char *end = key + length;
    for (; end - key > 8; key += 8) {
        memcpy(&word, key, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    if (length >= 8)
        memcpy(&word, end - 8, 8);
    else
        while (key < end)
            word = word << 8 | (unsigned char)*key++;
    hash = (hash ^ word) * 0xc4ceb9fe1a85ec53u;
    return hash ^ (hash >> 29);
}

/* The entry of a key; NULL when it is not there. */
static inline entry *table_find(const scan_table *table, uint64_t hash, const char *key, size_t length) {
    for (uint32_t place = (uint32_t)hash & table->mask;; place = (place + 1) & table->mask) {
        int32_t slot = table->slots[place];
        if (slot == 0)
            return NULL;
        entry *found = &table->entries[slot - 1];
        if (found->hash == hash && found->length == length && memcmp(found->key, key, length) == 0)
            return found;
    }
}

/* Adds a key that is not there; -1 without memory. */
int table_add(scan_table *table, uint64_t hash, const char *key, size_t length, int64_t value);

/* Where a large value has its number, or would get it. */
static inline uint32_t *large_slot(const scan_large *large, uint64_t value) {
    uint32_t place = (uint32_t)((value * 0x9e3779b97f4a7c15u) >> 32) & large->mask;
    while (large->slots[place] != 0 && large->values[large->slots[place] - 1] != value)
        place = (place + 1) & large->mask;
    return &large->slots[place];
}

/* Room for more large values, with all slots where they belong; -1 without memory. */
int large_grow(scan_large *large);
void large_free(scan_large *large);

/* The number of a large value, which is new if it is not there; -1 without memory. */
static inline int64_t large_number(scan_large *large, uint64_t value) {
    if (large->count >= large->mask / 2 && large_grow(large) < 0)
        return -1;
    uint32_t *slot = large_slot(large, value);
    if (*slot == 0) {
        large->values[large->count] = value;
        *slot = ++large->count;
    }
    return *slot - 1;
}

#endif
