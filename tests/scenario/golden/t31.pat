# T31: a private mapping is written
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   01
#  mapped  uu
#  copied  c.
app: v = mmap 8K, card, private, uc-
app: remap_pfn_range v, fb, 8K
app: write v  #! mapping-cow-mode
expect pte v = anon, uc-, write, not special
expect pte v + 4K = fb + 4K uc-, special, not write
