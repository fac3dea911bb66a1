# T19: zapped whole, remapped with another frame
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  frames  0123....89ab
#  first   uuuu
#  zapped  ----
#  second          uuuu
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: remap_pfn_range v, fb + 32K, 16K              #! tracking-second-remap@pfnmap-ctx
expect ret = -EINVAL                               @pfnmap-ctx
expect memtypes fb = [32K, 48K) uc-                @vm-pat*
expect memtypes fb = [0, 16K) uc-, [32K, 48K) uc-  @unmap-region
expect memtypes fb = [0, 16K) uc-                  @pfnmap-ctx
app: munmap v
expect memtypes fb = none                          @!unmap-region
expect memtypes fb = [0, 16K) uc-                  @unmap-region
app: exit                                          #! memtype-leak@unmap-region
