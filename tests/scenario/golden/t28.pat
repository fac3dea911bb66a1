# T28: unmap_mapping_range of the first page of the file
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  0123
#  zap    z
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
drv: unmap_mapping_range card, 0, 4K  #! tracking-partial-zap@vm-pat*
expect pte v = none
expect pte v + 4K = fb + 4K uc-
expect memtypes fb = none             @vm-pat*
expect memtypes fb = [0, 16K) uc-     @!vm-pat*
app: munmap v                         #! tracking-first-pte@unmap-region
expect memtypes fb = none             @!unmap-region
expect memtypes fb = [0, 16K) uc-     @unmap-region
app: exit                             #! memtype-leak@unmap-region
