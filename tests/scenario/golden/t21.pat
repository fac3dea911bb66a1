# T21: two halves remapped, nothing reserved
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01234567
#  wants   WWWWWWWW
#  halves  aaaabbbb
app: v = mmap 32K, card, wc
app: remap_pfn_range v, fb, 16K, wc              #! tracking-unreserved
app: remap_pfn_range v + 16K, fb + 16K, 16K, wc  #! tracking-unreserved
expect memtypes fb = none
expect pte v = fb uc-
