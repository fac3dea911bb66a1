# mmap fails after its remap: everything is given back
#
# A driver's mmap handler remaps, then finds that it cannot go on and returns an error. The caller unmaps what was
# mapped so far, and every kernel frees the reservation with it: by the flag of the mapping before 6.16, by the context
# since. The next attempt starts from nothing and may choose another type.
bar fb = 0xfd000000 size 16K
file card
process app

app: v = mmap 16K, card, shared, wc
app: mmap_write_lock {
  remap_pfn_range v, fb, 16K, wc
  # The handler returns -ENODEV here; mmap cleans up.
  munmap v
}
expect memtypes fb = none
expect pte v = none

app: w = mmap 16K, card, shared, uc-
app: mmap_write_lock {
  remap_pfn_range w, fb, 16K, uc-
}
expect memtypes fb = [0, 16K) uc-
expect pte w + 12K = fb + 12K uc-
app: munmap w
expect dmesg none
expect memtypes fb = none
app: exit
