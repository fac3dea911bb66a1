# T13: a private mapping whose second page was written forks
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01234567
#  mapped  uuuuuuuu
#  copied  .c......
app: v = mmap 32K, card, private
app: remap_pfn_range v, fb, 32K
app: write v + 4K                                #! mapping-cow-mode
app: fork child
expect ret = 0
expect memtypes fb = [0, 32K) uc-, [0, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-                @pfnmap-ctx
