# T25: zapped whole, then fork
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   0123
#  mapped  uuuu
#  zapped  ----
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: fork child                    #! tracking-fork-failed@unmap-region tracking-first-pte@unmap-region
expect ret = -ENOMEM               @unmap-region
expect ret = 0                     @!unmap-region
app: munmap v                      #! tracking-first-pte@unmap-region
app: exit                          #! memtype-leak@unmap-region
expect memtypes fb = none          @vm-pat*
expect memtypes fb = [0, 16K) uc-  @!vm-pat*
