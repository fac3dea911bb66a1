# Every form of statement, expression and end of line, in the canonical layout
bar fb = 0xfd000000 size 64K  # a comment
bar regs = fb + (1M + 2 * 4K) * 3 size 3 pages
ram buf = 0x1000000 size 1 page
paging 5-level
mtrr 0xc0000000 size 1G uncachable
file card
process app
driver drv

checkpoint 00-before
app: v = mmap 16K, card, shared, offset 4K, at 0x7f0000000000
app: w-1 = mmap 16K, private, uc-
app: remap_pfn_range v, fb
app: fault v {                       # pat-check: ignore[memtype-leak] known
  mmap_read_lock {
    # inside
    vmf_insert_pfn v + 4K, fb + 36K  #! remap-in-fault
  }

  return -EINVAL
}                       # the end of the fault
drv: printk "a \"quoted\" word, a \\ and # no comment"
app: munmap v - 4K, 8K  #! memtype-invalid-free@unmap-region memtype-leak@!pfnmap-ctx
app: exit

expect memtypes = none
expect memtypes fb = none
expect memtypes fb = [0, 16K) wc, [16K, 8 * 4K) uc-  @vm-pat*
expect pte v = none
expect pte v + 4K = fb + 4K wc                       @vm-pat*  # 6.1 and 6.12
expect pte v = fb
expect pte v = pfn 0xfd000 wc, special, not write
expect pte v = not anon, pmd
expect vm_flags v + 4K = pfnmap, not pat             @!vm-pat*
expect vm_flags v = none
expect ret = 0
expect ret = -22
expect ret = -EINVAL                                 @!pfnmap-ctx
expect ret = SIGBUS
expect dmesg "x86/PAT: freeing invalid memtype"      #! dmesg-unexplained
expect dmesg none
expect refs v = 2
# pat-check: ignore[memtype-downgrade, memtype-leak] the frame buffer is known to be UC-
# pat-check: ignore[trace-lost]
