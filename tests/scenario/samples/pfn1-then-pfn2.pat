# A driver maps pfn1, zaps it, and its fault handler inserts pfn2
#
# From the thread about untracking only when a region is unmapped: can one mapping have two sets of frames, one after
# the other, and who reserves and who frees the second?
bar fb = 0xfd000000 size 64K
process app
driver drv

app: v = mmap 4K, shared, wc
app: remap_pfn_range v, fb, 4K, wc
drv: zap_vma_ptes v
app: fault v {
  vmf_insert_pfn v, fb + 32K
}
expect pte v = fb + 32K uc-             # no era reserves pfn2
expect memtypes fb = none               @vm-pat*
expect memtypes fb = [0, 4K) wc         @!vm-pat*
app: munmap v                           #! memtype-invalid-free@unmap-region memtype-leak@unmap-region
expect dmesg "freeing invalid memtype"  @unmap-region
