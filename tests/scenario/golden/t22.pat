# T22: two halves remapped under a reservation of the driver
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01234567
#  driver  WWWWWWWW
#  halves  aaaabbbb
drv: arch_io_reserve_memtype_wc fb, 32K
app: v = mmap 32K, card, wc
app: remap_pfn_range v, fb, 16K, wc
app: remap_pfn_range v + 16K, fb + 16K, 16K, wc
expect memtypes fb = [0, 32K) wc
expect pte v = fb wc
