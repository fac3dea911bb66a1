# T5: split by mprotect, unmapped in one call
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01234567
#  split  rrrr....
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: mprotect v + 16K, 16K, ro
app: munmap v, 32K                 #! memtype-invalid-free@!pfnmap-ctx
expect memtypes fb = [0, 16K) uc-  @!pfnmap-ctx
expect memtypes fb = none          @pfnmap-ctx
app: exit                          #! memtype-leak@!pfnmap-ctx
