# T11: WC first, then UC- of the same range
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01234567
#  first   WWWWWWWW
#  wants   uuuuuuuu
#  gets    WWWWWWWW
app: v = mmap 32K, card, wc
app: remap_pfn_range v, fb, 32K, wc
app: w = mmap 32K, card
app: remap_pfn_range w, fb, 32K, uc-  #! memtype-downgrade
expect memtypes fb = [0, 32K) wc, [0, 32K) wc
expect pte w = fb wc
