# A driver walks a mapping, writes into its entries, and a device uses the same pages
#
# apply_to_page_range() and the walkers change entries under the page table lock. A device that shares the address space
# (KVM, an IOMMU with PASID) keeps translations of its own, and only the MMU notifiers tell it. The order is the whole
# matter: start before the walk, and where a frame is exchanged, the old entry is cleared and invalidated before the new
# one is set. A device that asks between the two would else go on with the old frame.
bar vram = 0xfd000000 size 64K
process app
driver drv

app: v = mmap 16K, pfnmap, wc
app: register_notifier app
# What was empty needs no bracket; what was mapped does
drv: mmap_read_lock {
  apply_to_page_range v, 16K, vram
  apply_to_page_range v + 8K, 4K, vram + 40K  #! walker-apply-bracket
}
# Write-protecting to track what is dirty, and inside of it another frame: nested, in the right order
drv: mmap_read_lock {
  invalidate_range_start v, 16K
  apply_to_page_range v, 16K, ro
  flush_tlb_range v, 16K
  invalidate_range_start v, 4K
  page_table_lock v {
    ptep_get_and_clear v
    invalidate_secondary v, 4K
    set_pte_at v, vram + 32K
  }
  invalidate_range_end v, 4K
  invalidate_range_end v, 16K
}
expect pte v = vram + 32K
# The new entry first: the device may still write to the old frame
drv: mmap_read_lock {
  invalidate_range_start v + 4K, 4K
  page_table_lock v {
    ptep_get_and_clear v + 4K
    set_pte_at v + 4K, vram + 36K             #! notifier-install-first
    invalidate_secondary v + 4K, 4K
  }
  invalidate_range_end v + 4K, 4K
}
