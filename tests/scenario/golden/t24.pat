# T24: an ioremap of the BAR, and a mapping of its end
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages    01234567
#  ioremap  IIIIIIII
#  mapping      MMMM
drv: p = ioremap fb, 32K
app: v = mmap 16K, card
app: remap_pfn_range v, fb + 16K, 16K
app: munmap v + 8K, 8K                             #! end-match-theft@!pfnmap-ctx
expect memtypes fb = [0, 24K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-, [16K, 32K) uc-  @pfnmap-ctx
app: munmap v, 8K                                  #! end-match-theft@!pfnmap-ctx
expect memtypes fb = [0, 16K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-                  @pfnmap-ctx
drv: iounmap p                                     #! memtype-invalid-free@!pfnmap-ctx
expect memtypes fb = [0, 16K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = none                          @pfnmap-ctx
app: exit                                          #! memtype-leak@!pfnmap-ctx
