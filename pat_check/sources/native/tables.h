/* A table of byte strings, numbered in the order they came. */
#ifndef PAT_CHECK_TABLES_H
#define PAT_CHECK_TABLES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t hash;
    const char *key; /* owned */
    uint32_t length;
    int64_t value;
} entry;

typedef struct scan_table {
    entry *entries;
    int32_t *slots; /* 1 + index of an entry; 0 free */
    uint32_t mask, count, limit;
} scan_table;

/* A table that its user fills up to a limit; NULL without memory. */
scan_table *table_new(uint32_t limit);
void table_free(scan_table *table);

uint64_t hash_of(const char *key, size_t length);

/* The entry of a key; NULL when it is not there. */
entry *table_find(const scan_table *table, uint64_t hash, const char *key, size_t length);

/* Adds a key that is not there; -1 without memory. */
int table_add(scan_table *table, uint64_t hash, const char *key, size_t length, int64_t value);

#endif
