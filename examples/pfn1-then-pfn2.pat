# One mapping, two frames: remap in mmap, zap, another frame by fault
#
# remap_pfn_range() over the whole mapping reserves pfn1, and nothing ever reserves pfn2: a fault handler can only look
# its type up, so the wish for write-combining is lost. Up to 6.15 the zap gives pfn1 back at once. Had untracking been
# moved to munmap, as was proposed, munmap would have read pfn2 from the page table and freed that, so that pfn1 stayed
# for ever. Since 6.16 the context remembers pfn1, whatever is mapped by then.
bar vram = 0xfd000000 size 64K
file card
process app
driver drv

app: v = mmap 4K, card, shared, wc
app: remap_pfn_range v, vram, 4K, wc
expect memtypes vram = [0, 4K) wc

# The device switches to another buffer.
drv: unmap_mapping_range card, 0, 4K
expect pte v = none
expect memtypes vram = none        @vm-pat*
expect memtypes vram = [0, 4K) wc  @!vm-pat*

app: fault v {
  vmf_insert_pfn v, vram + 32K  #! tracking-unreserved tracking-refault-pfn@!vm-pat*
}
expect pte v = vram + 32K uc-

app: munmap v                           #! memtype-invalid-free@unmap-region
expect dmesg "freeing invalid memtype"  @unmap-region
expect memtypes vram = [0, 4K) wc       @unmap-region
expect memtypes vram = none             @!unmap-region
app: exit                               #! memtype-leak@unmap-region
