# T15: zapped whole, touched again
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   0123
#  mapped  WWWW
#  zapped  ----
#  again   x
app: v = mmap 16K, card, wc
app: remap_pfn_range v, fb, 16K, wc
drv: zap_vma_ptes v
expect memtypes fb = none         @vm-pat*
expect memtypes fb = [0, 16K) wc  @!vm-pat*
app: vmf_insert_pfn v, fb         #! tracking-refault-mode@vm-pat*
expect pte v = fb uc-             @vm-pat*
expect pte v = fb wc              @!vm-pat*
app: munmap v
expect memtypes fb = none
