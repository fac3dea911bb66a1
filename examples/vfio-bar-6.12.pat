# A VFIO BAR as 6.12 maps it: single inserts under the driver's own reservation
#
# mmap only sets flags. Each fault inserts what it needs and looks its type up, finding the reservation that the driver
# made with its ioremap and keeps until the device is closed. Turning memory off is one unmap_mapping_range() over the
# file. Mappings never reserve anything, so zapping, forking and unmapping any part is fine with every kernel.
bar bar0 = 0xfe800000 size 16K
file vfio-dev
process qemu
driver vfio-pci

vfio-pci: regs = ioremap bar0
qemu: v = mmap 16K, vfio-dev, shared, pfnmap
qemu: fault v {
  vmf_insert_pfn v, bar0
  vmf_insert_pfn v + 4K, bar0 + 4K
}
expect pte v + 4K = bar0 + 4K uc-
expect memtypes bar0 = [0, 16K) uc-

# Memory off: every mapping of the file goes, whoever has it.
vfio-pci: unmap_mapping_range vfio-dev, 0, 16K
vfio-pci: memory_disable bar0
expect pte v = none
expect memtypes bar0 = [0, 16K) uc-

# Memory on again: the next access faults, and the rest is unmapped piece by piece.
vfio-pci: memory_enable bar0
qemu: fault v {
  vmf_insert_pfn v, bar0
}
qemu: munmap v + 4K, 4K
qemu: munmap v, 4K
qemu: munmap v + 8K, 8K
expect dmesg none
vfio-pci: iounmap regs
expect memtypes bar0 = none
qemu: exit
