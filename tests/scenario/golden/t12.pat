# T12: a private mapping whose first page was written forks
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01234567
#  mapped  uuuuuuuu
#  copied  c.......
app: v = mmap 32K, card, private
app: remap_pfn_range v, fb, 32K
app: write v                       #! mapping-cow-mode
app: fork child                    #! tracking-fork-failed@!pfnmap-ctx
expect ret = -ENOMEM               @!pfnmap-ctx
expect ret = 0                     @pfnmap-ctx
expect dmesg none
expect memtypes fb = [0, 32K) uc-
app: munmap v
expect memtypes fb = none          @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-  @pfnmap-ctx
