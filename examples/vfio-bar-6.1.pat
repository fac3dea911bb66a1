# A VFIO BAR as 6.1 maps it: remapped whole by each first fault
#
# The driver reserves the BAR with an ioremap and lets the fault handler call io_remap_pfn_range(). That sets VMA flags
# under the mmap read lock; 6.12 warns about it. Turning memory off in the command register zaps every user mapping.
# While a zap untracks, the next fault can remap. Where the reservation outlives the zap it cannot: a mapping that has
# its context already refuses the second remap, and the guest gets SIGBUS.
bar bar0 = 0xfe800000 size 16K
file vfio-dev
process qemu
driver vfio-pci

vfio-pci: regs = ioremap bar0
qemu: v = mmap 16K, vfio-dev, pfnmap
qemu: fault v {
  io_remap_pfn_range v, bar0, 16K  #! locking-remap-in-fault
}
expect dmesg "rwsem.h"             @vm-pat-6.12
expect memtypes bar0 = [0, 16K) uc-, [0, 16K) uc-

# The guest clears the memory enable bit, then sets it again; the driver works in the context of its user.
qemu: mmap_read_lock {
  zap_vma_ptes v
}
vfio-pci: memory_disable bar0
expect pte v = none
expect memtypes bar0 = [0, 16K) uc-                @vm-pat*
expect memtypes bar0 = [0, 16K) uc-, [0, 16K) uc-  @!vm-pat*

vfio-pci: memory_enable bar0
qemu: fault v {
  io_remap_pfn_range v, bar0, 16K                          #! locking-remap-in-fault tracking-second-remap@pfnmap-ctx
}
expect ret = -EINVAL                                       @pfnmap-ctx
expect pte v = bar0 uc-                                    @!pfnmap-ctx
expect memtypes bar0 = [0, 16K) uc-, [0, 16K) uc-, [0, 16K) uc-  @unmap-region

qemu: munmap v
qemu: exit                           #! memtype-leak@unmap-region
vfio-pci: iounmap regs
expect memtypes bar0 = none          @!unmap-region
expect memtypes bar0 = [0, 16K) uc-  @unmap-region
