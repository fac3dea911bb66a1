# Fork: two entries, or one that is shared
#
# With VM_PAT fork reserves the range again for the child; the two entries look alike, and either owner's free takes
# the first. Each must then unmap as carefully as if it were alone: the child that drops the head of its copy loses
# track of the rest. Since 6.16 parent and child hold one context and one entry, and the last to let go frees it.
bar fb = 0xfd000000 size 32K
file card
process app

app: v = mmap 32K, card, shared, wc
app: remap_pfn_range v, fb, 32K, wc
app: fork child
expect refs v = 2                              @pfnmap-ctx
expect memtypes fb = [0, 32K) wc, [0, 32K) wc  @!pfnmap-ctx
expect memtypes fb = [0, 32K) wc               @pfnmap-ctx

child: munmap v, 16K                           #! memtype-invalid-free@!pfnmap-ctx
expect refs v + 16K = 2                        @pfnmap-ctx
child: exit                                    #! memtype-leak@!pfnmap-ctx
expect memtypes fb = [0, 32K) wc, [0, 16K) wc  @!pfnmap-ctx
expect memtypes fb = [0, 32K) wc               @pfnmap-ctx

app: munmap v
app: exit
expect memtypes fb = [0, 16K) wc  @!pfnmap-ctx
expect memtypes fb = none         @pfnmap-ctx
