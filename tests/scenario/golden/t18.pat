# T18: zapped whole, refaulted with another frame
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  frames  0123....89ab
#  mapped  WWWW
#  zapped  ----
#  again           x
app: v = mmap 16K, card, wc
app: remap_pfn_range v, fb, 16K, wc
drv: zap_vma_ptes v
app: vmf_insert_pfn v, fb + 32K   #! tracking-unreserved tracking-refault-pfn@!vm-pat*
expect pte v = fb + 32K uc-
app: munmap v                     #! memtype-invalid-free@unmap-region
expect memtypes fb = none         @!unmap-region
expect memtypes fb = [0, 16K) wc  @unmap-region
app: exit                         #! memtype-leak@unmap-region
