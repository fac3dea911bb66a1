# T14: two mappings that end at one place, pieces of the second freed from the tail
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01234567
#  first  AAAAAAAA
#  second     BBBB
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: w = mmap 16K, card
app: remap_pfn_range w, fb + 16K, 16K
app: munmap w + 8K, 8K                             #! end-match-theft@!pfnmap-ctx
expect memtypes fb = [0, 24K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-, [16K, 32K) uc-  @pfnmap-ctx
app: munmap w, 8K                                  #! end-match-theft@!pfnmap-ctx
expect memtypes fb = [0, 16K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-                  @pfnmap-ctx
app: munmap v                                      #! memtype-invalid-free@!pfnmap-ctx
expect memtypes fb = [0, 16K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = none                          @pfnmap-ctx
app: exit                                          #! memtype-leak@!pfnmap-ctx
