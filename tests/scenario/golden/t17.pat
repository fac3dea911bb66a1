# T17: zapped whole, unmapped without another touch
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
app: munmap v                      #! tracking-first-pte@unmap-region
expect dmesg "get_pat_info"        @unmap-region
expect memtypes fb = none          @!unmap-region
expect memtypes fb = [0, 16K) uc-  @unmap-region
app: exit                          #! memtype-leak@unmap-region
