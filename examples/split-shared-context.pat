# Split and unmapped piece by piece: who remembers what was reserved?
#
# With VM_PAT each piece carries the flag and frees its own bounds, and only the end of an entry may be cut off. So the
# head of this mapping finds nothing to free, and what its tail leaves is leaked. Since 6.16 the pieces share one
# context: each split takes a reference, each piece that goes drops one, and the last frees the whole range.
bar fb = 0xfd000000 size 32K
file card
process app

#  pages  01234567
#  write  ww..wwww
#  gone   --            then the rest
app: v = mmap 32K, card, shared, wc
app: remap_pfn_range v, fb, 32K, wc
expect refs v = 1  @pfnmap-ctx

app: mprotect v + 8K, 8K, ro
expect refs v = 3  @pfnmap-ctx

app: munmap v, 8K                       #! memtype-invalid-free@!pfnmap-ctx
expect refs v + 8K = 2                  @pfnmap-ctx
expect dmesg "freeing invalid memtype"  @!pfnmap-ctx
expect memtypes fb = [0, 32K) wc

app: munmap v + 8K, 24K           #! memtype-invalid-free@!pfnmap-ctx
expect memtypes fb = [0, 16K) wc  @!pfnmap-ctx
expect memtypes fb = none         @pfnmap-ctx
app: exit                         #! memtype-leak@!pfnmap-ctx
