# mremap shrinks a mapping, and somebody else wants the part that it gave up
#
# Up to 6.15 an entry may be cut at its end, and that is all that shrinking needs: the tail is free at once. Since 6.16
# the entry keeps its bounds until the last mapping is gone, so the next user of the tail finds its type decided: asked
# for UC-, granted write-combining. Growing back is refused everywhere, for a PFN mapping never expands.
bar fb = 0xfd000000 size 32K
file card
process app
process other

#  pages  01234567
#  app    +++++---
#  other       bbb
app: v = mmap 32K, card, shared, wc
app: remap_pfn_range v, fb, 32K, wc
app: mremap v, 32K, 20K
expect memtypes fb = [0, 20K) wc  @!pfnmap-ctx
expect memtypes fb = [0, 32K) wc  @pfnmap-ctx
app: mremap v, 20K, 32K
expect ret = -EFAULT

other: w = mmap 12K, card, shared, uc-
other: remap_pfn_range w, fb + 20K, 12K, uc-  #! memtype-downgrade@pfnmap-ctx
expect pte w = fb + 20K uc-                   @!pfnmap-ctx
expect pte w = fb + 20K wc                    @pfnmap-ctx

app: munmap v, 20K
app: exit
other: munmap w
other: exit
expect memtypes fb = none
