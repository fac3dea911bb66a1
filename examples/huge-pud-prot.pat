# A 1 GiB entry with the wrong type
#
# vmf_insert_pfn_pud() of 6.12 looks the type up and then uses the one of the mapping. A range that the driver reserved
# write-combining is UC- through a 1 GiB entry and write-combining through a smaller one: two types for one memory, and
# nothing in the log. 6.1 has the function, yet asks only DAX for huge faults; 6.16 inserts what it looked up.
bar vram = 0x4000000000 size 2G
file card
process app
driver drv

drv: p = ioremap_wc vram
app: v = mmap 2G, card, shared, pfnmap, uc-
app: fault v {
  vmf_insert_pfn_pud v, vram      #! mapping-pud-prot@vm-pat-6.12 mapping-pud-prot@unmap-region
  vmf_insert_pfn_pmd v + 1G, vram + 1G
}
expect pte v = vram uc-           @vm-pat-6.12
expect pte v = vram uc-           @unmap-region
expect pte v = vram wc            @pfnmap-ctx
expect pte v + 1G = vram + 1G wc  @!vm-pat
expect ret = FALLBACK             @vm-pat
app: munmap v
drv: iounmap p
expect memtypes vram = none
app: exit
