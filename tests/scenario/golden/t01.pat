# T1: mapped whole, unmapped whole
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01234567
#  map    uuuuuuuu
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
expect memtypes fb = [0, 32K) uc-
app: munmap v
expect memtypes fb = none
