# T6: fork, the child exits
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01234567
#  parent  uuuuuuuu
#  child   uuuuuuuu
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: fork child
expect memtypes fb = [0, 32K) uc-, [0, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-                @pfnmap-ctx
child: exit
expect memtypes fb = [0, 32K) uc-
app: munmap v
expect memtypes fb = none
