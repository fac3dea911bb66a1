# T16: one page zapped
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  0123
#  zap      z
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
drv: zap_page_range_single v + 8K, 4K  #! tracking-partial-zap@vm-pat*
expect memtypes fb = none              @vm-pat*
expect memtypes fb = [0, 16K) uc-      @!vm-pat*
expect pte v = fb uc-
expect pte v + 8K = none
app: munmap v
expect memtypes fb = none
