# T7: mremap to five pages
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01234567
#  new    +++++---
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: mremap v, 32K, 20K
expect memtypes fb = [0, 20K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-  @pfnmap-ctx
app: munmap v, 20K
expect memtypes fb = none
