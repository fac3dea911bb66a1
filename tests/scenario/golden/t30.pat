# T30: the mmap handler fails after its remap
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   0123
#  mapped  uuuu, and taken back
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
app: munmap v
expect memtypes fb = none
