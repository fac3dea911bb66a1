/* See tables.h. */
#include "tables.h"

#include <stdlib.h>
#include <string.h>

scan_table *table_new(uint32_t limit) {
    scan_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->mask = 255;
    table->limit = limit;
    table->slots = calloc(table->mask + 1, sizeof *table->slots);
    table->entries = malloc((table->mask + 1) / 2 * sizeof *table->entries);
    if (table->slots == NULL || table->entries == NULL) {
        free(table->slots);
        free(table->entries);
        free(table);
        return NULL;
    }
    return table;
}

void table_free(scan_table *table) {
    if (table == NULL)
        return;
    for (uint32_t index = 0; index < table->count; index++)
        free((char *)table->entries[index].key);
    free(table->entries);
    free(table->slots);
    free(table);
}

static int table_grow(scan_table *table) {
    uint32_t mask = table->mask * 2 + 1;
    int32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (slots == NULL)
        return -1;
    entry *entries = realloc(table->entries, ((size_t)mask + 1) / 2 * sizeof *entries);
    if (entries == NULL) {
        free(slots);
        return -1;
    }
    free(table->slots);
    table->entries = entries;
    table->slots = slots;
    table->mask = mask;
    for (uint32_t index = 0; index < table->count; index++) {
        uint32_t place = (uint32_t)entries[index].hash & mask;
        while (slots[place] != 0)
            place = (place + 1) & mask;
        slots[place] = (int32_t)index + 1;
    }
    return 0;
}

int table_add(scan_table *table, uint64_t hash, const char *key, size_t length, int64_t value) {
    if (table->count >= (table->mask + 1) / 2 && table_grow(table) < 0)
        return -1;
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, key, length);
    copy[length] = '\0';
    uint32_t place = (uint32_t)hash & table->mask;
    while (table->slots[place] != 0)
        place = (place + 1) & table->mask;
    table->entries[table->count] = (entry){hash, copy, (uint32_t)length, value};
    table->slots[place] = (int32_t)++table->count;
    return 0;
}

int large_grow(scan_large *large) {
    uint32_t mask = large->mask * 2 + (large->mask == 0 ? 1023 : 1);
    uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
    if (slots == NULL)
        return -1;
    uint64_t *values = realloc(large->values, ((size_t)mask / 2 + 1) * sizeof *values);
    if (values == NULL) {
        free(slots);
        return -1;
    }
    free(large->slots);
    *large = (scan_large){values, slots, large->count, mask};
    for (uint32_t index = 0; index < large->count; index++)
        *large_slot(large, values[index]) = index + 1;
    return 0;
}

void large_free(scan_large *large) {
    free(large->values);
    free(large->slots);
}
