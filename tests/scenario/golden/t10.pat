# T10: UC- first, then WC of the same range
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01234567
#  first   uuuuuuuu
#  wants   WWWWWWWW
#  gets    uuuuuuuu
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: w = mmap 32K, card, wc
app: remap_pfn_range w, fb, 32K, wc  #! memtype-downgrade
expect memtypes fb = [0, 32K) uc-, [0, 32K) uc-
expect pte w = fb uc-
