# The end of a BAR: a user's unmap cuts the driver's reservation
#
# Up to 6.15 a free that matches nothing shrinks the first entry with the same end. When a mapping ends where the BAR
# does, unmapping its tail cuts the driver's entry, for that begins earlier. Nothing is said then; the complaint comes
# from the innocent driver's iounmap, and both remainders stay for ever. Since 6.16 only exact bounds are freed.
bar bar2 = 0xfd000000 size 32K
file dev
process app
driver drv

#  pages   01234567
#  driver  DDDDDDDD
#  user        UUUU
#  gone          --
drv: p = ioremap bar2
app: v = mmap 16K, dev, shared, offset 16K
app: remap_pfn_range v, bar2 + 16K, 16K
app: munmap v + 8K, 8K                               #! end-match-theft@!pfnmap-ctx
expect dmesg none
expect memtypes bar2 = [0, 24K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes bar2 = [0, 32K) uc-, [16K, 32K) uc-  @pfnmap-ctx

app: munmap v, 8K                                    #! end-match-theft@!pfnmap-ctx
app: exit                                            #! memtype-leak@!pfnmap-ctx
drv: iounmap p                                       #! memtype-invalid-free@!pfnmap-ctx
expect dmesg "freeing invalid memtype"               @!pfnmap-ctx
expect memtypes bar2 = [0, 16K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes bar2 = none                          @pfnmap-ctx
