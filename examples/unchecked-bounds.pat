# An mmap handler that believes its caller: more than the BAR, more than the mapping
#
# Offset and size of an mmap come from the user. A handler that passes them on maps what lies behind its BAR: other
# devices, the kernel's memory. One that always maps the whole BAR fills entries behind a smaller mapping. No unmap
# clears them, and what is mapped there next inherits them. remap_pfn_range() looks at neither; vm_iomap_memory()
# compares both and refuses.
bar regs = 0xfd000000 size 16K
file card
process app

# Eight pages from offset 0, of a BAR of four.
app: v = mmap 32K, card {
  remap_pfn_range v, regs, 32K  #! mapping-beyond-memory
}
expect pte v + 16K = pfn 0xfd004
app: munmap v

# One page; the handler maps the BAR.
app: w = mmap 4K, card {
  remap_pfn_range w, regs, 16K  #! mapping-beyond-vma
}
app: munmap w
expect pte w + 4K = regs + 4K

# Whoever maps something there next has the device, until the kernel wonders whose entries these are.
app: x = mmap 16K, at w
expect pte x = none
expect pte x + 4K = regs + 4K
app: munmap x  #! mapping-bad-page-map
expect dmesg "BUG: Bad page map"

# The helper knows how long the BAR is.
app: y = mmap 32K, card {
  vm_iomap_memory y, regs, 16K
  expect ret = -EINVAL
}
