# A driver and a user map the same registers: the first decides
#
# Both may ask for another type; who comes second takes what is there, and only the lists and page tables show it. So a
# module that loads before or after a process may run with other types than it was tested with. What is in page tables
# stays as it was when the reservation that decided it goes.
bar regs = 0xfe800000 size 8K
file dev
process app
driver drv

# The driver first: the user's UC- becomes write-combining.
drv: p = ioremap_wc regs
app: v = mmap 8K, dev, shared, uc-
app: remap_pfn_range v, regs, 8K, uc-  #! memtype-downgrade
expect pte v = regs wc
expect memtypes regs = [0, 8K) wc, [0, 8K) wc
drv: iounmap p
app: munmap v
expect memtypes regs = none

# The user first: the driver's write-combining becomes UC-.
app: w = mmap 8K, dev, shared, uc-
app: remap_pfn_range w, regs, 8K, uc-
drv: q = ioremap_wc regs  #! memtype-downgrade
expect memtypes regs = [0, 8K) uc-, [0, 8K) uc-
app: munmap w
expect memtypes regs = [0, 8K) uc-
drv: iounmap q
expect memtypes regs = none
app: exit
