# T9: mremap moves the middle away
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01234567
#  moved    mmm
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: w = mremap v + 8K, 12K, 12K
expect memtypes fb = [0, 32K) uc-
app: munmap w                      #! memtype-invalid-free@!pfnmap-ctx
app: munmap v, 32K
expect memtypes fb = [0, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = none          @pfnmap-ctx
app: exit                          #! memtype-leak@!pfnmap-ctx
