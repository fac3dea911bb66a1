# Backends that change under a mapping: every fault chooses its frame
#
# The driver never remaps. It sets VM_PFNMAP in mmap, and each fault inserts the page of whatever backs the file now.
# No kernel reserves anything for that, and one full remap could not cover two backends anyway. The type of each page is
# that of the driver's own reservations: the backend that it reserved write-combining is, the one it forgot is UC-.
bar local = 0xfd000000 size 16K
bar remote = 0xfc000000 size 16K
file gpu
process app
driver drv

drv: arch_io_reserve_memtype_wc local, 16K
app: v = mmap 16K, gpu, shared, pfnmap, wc
app: fault v {
  vmf_insert_pfn v, local
  vmf_insert_pfn v + 4K, local + 4K
}
expect pte v + 4K = local + 4K wc

# The buffer migrates.
drv: unmap_mapping_range gpu, 0, 16K
app: fault v {
  vmf_insert_pfn v, remote  #! tracking-unreserved
}
expect pte v = remote uc-
expect memtypes remote = none

# Nobody lets two backends be mapped at once: the zap comes first, or the old frame stays.
app: fault v {
  vmf_insert_pfn v, local  #! mapping-insert-kept
}
expect pte v = remote uc-

app: munmap v
drv: arch_io_free_memtype_wc local, 16K
expect memtypes = none
app: exit
