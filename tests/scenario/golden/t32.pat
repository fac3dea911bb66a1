# T32: half of a huge entry is unmapped
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

bar big = 0x100000000 size 4M

#  MiB       0123
#  reserved  WWWW
#  leaves    aabb
#  unmapped  .-..
drv: memtype_reserve big, 4M, wc
app: v = mmap 4M, card, pfnmap
app: vmf_insert_pfn_pmd v, big
expect pte v + 1M = big + 1M wc  @!vm-pat
expect ret = FALLBACK            @vm-pat
expect pte v = none              @vm-pat
app: munmap v + 1M, 1M           #! mapping-huge-cleared@!vm-pat
expect pte v = none
app: vmf_insert_pfn v, big
expect pte v = big wc
drv: memtype_free big, 4M        #! memtype-changed-under-mapping
