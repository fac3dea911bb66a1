# T29: every fault remaps the whole
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages   0123
#  first   uuuu
#  zapped  ----
#  second  uuuu
app: v = mmap 16K, card
app: fault v {
  remap_pfn_range v, fb, 16K                     #! locking-remap-in-fault
}
expect dmesg "rwsem.h"                           @vm-pat-6.12
expect memtypes fb = [0, 16K) uc-
drv: zap_vma_ptes v
expect memtypes fb = none                        @vm-pat*
app: fault v {
  remap_pfn_range v, fb, 16K                     #! locking-remap-in-fault tracking-second-remap@pfnmap-ctx
}
expect ret = -EINVAL                             @pfnmap-ctx
expect pte v = none                              @pfnmap-ctx
expect memtypes fb = [0, 16K) uc-                @!unmap-region
expect memtypes fb = [0, 16K) uc-, [0, 16K) uc-  @unmap-region
app: munmap v
expect memtypes fb = none                        @!unmap-region
expect memtypes fb = [0, 16K) uc-                @unmap-region
app: exit                                        #! memtype-leak@unmap-region
