# T20: a driver edits the bounds to map three pages one by one
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  frames  012345
#  chunks  u.u.u.
app: v = mmap 12K, card
app: mmap_write_lock {
  vma_bounds v, 4K
  remap_pfn_range v, fb, 4K
  vma_bounds v + 4K, 4K
  remap_pfn_range v + 4K, fb + 8K, 4K                      #! tracking-second-remap@pfnmap-ctx
  vma_bounds v + 8K, 4K
  remap_pfn_range v + 8K, fb + 16K, 4K                     #! tracking-second-remap@pfnmap-ctx
  vma_bounds v, 12K                                        #! tracking-node-gone@!pfnmap-ctx
}
expect memtypes fb = [0, 4K) uc-, [8K, 12K) uc-, [16K, 20K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 4K) uc-                           @pfnmap-ctx
app: munmap v                                              #! memtype-invalid-free@!pfnmap-ctx
expect memtypes fb = [0, 4K) uc-, [8K, 12K) uc-, [16K, 20K) uc-  @!pfnmap-ctx
expect memtypes fb = none                                  @pfnmap-ctx
app: exit                                                  #! memtype-leak@!pfnmap-ctx
