# Half of a huge entry is unmapped
#
# A 2 MiB entry of a PFN mapping has no page table to fall back to, so a split clears it whole, and what was mapped
# beyond the cut has to fault again. With a fault handler that costs a fault; without one it is SIGBUS in a part of the
# mapping that nobody touched. The type is looked up once per entry, for its first page. Kernels before 6.12 ask only
# DAX for huge faults: a PFN mapping falls back to small entries.
bar vram = 0x100000000 size 4M
file card
process app
driver drv

#  MiB    0123
#  gone    -
drv: p = ioremap_wc vram
app: v = mmap 4M, card, shared, pfnmap, wc
app: fault v {
  vmf_insert_pfn_pmd v, vram
  vmf_insert_pfn_pmd v + 2M, vram + 2M
}
expect ret = FALLBACK             @vm-pat
expect pte v + 3M = vram + 3M wc  @!vm-pat

app: munmap v + 1M, 1M            #! mapping-huge-cleared@!vm-pat
expect pte v = none
expect pte v + 2M = vram + 2M wc  @!vm-pat

app: fault v {
  vmf_insert_pfn v, vram
}
expect pte v = vram wc
app: munmap v, 4M
drv: iounmap p
expect memtypes vram = none
app: exit
