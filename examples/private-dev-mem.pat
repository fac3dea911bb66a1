# MAP_PRIVATE of /dev/mem: copy-on-write in a PFN mapping
#
# A private mapping of device memory may be written: the page is copied to RAM and its entry is no raw frame any more.
# The copy keeps the cache bits of the mapping, although it is ordinary memory. Finding the reservation through the
# first entry then fails: unmapping knows the first frame from vm_pgoff, but fork wants the type as well and gives up
# with -ENOMEM, without a word in the log. Since 6.16 fork only takes a reference.
bar rom = 0xfe000000 size 16K
file mem
process tool

tool: v = mmap 16K, mem, private, uc-
tool: remap_pfn_range v, rom, 16K
expect memtypes rom = [0, 16K) uc-

tool: write v + 4K  #! mapping-cow-mode
tool: fork first
expect ret = 0
first: exit

tool: write v                       #! mapping-cow-mode
tool: fork second                   #! tracking-fork-failed@!pfnmap-ctx
expect ret = -ENOMEM                @!pfnmap-ctx
expect dmesg none
tool: munmap v
expect dmesg none
expect memtypes rom = none          @!pfnmap-ctx
expect memtypes rom = [0, 16K) uc-  @pfnmap-ctx
tool: exit
