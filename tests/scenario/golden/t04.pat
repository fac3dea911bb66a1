# T4: the middle, the head, the tail
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01234567
#  first    --
#  then   --
#  last       ----
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: munmap v + 8K, 8K             #! memtype-invalid-free@!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-
app: munmap v, 8K                  #! memtype-invalid-free@!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-
app: munmap v + 16K, 16K
expect memtypes fb = [0, 16K) uc-  @!pfnmap-ctx
expect memtypes fb = none          @pfnmap-ctx
app: exit                          #! memtype-leak@!pfnmap-ctx
