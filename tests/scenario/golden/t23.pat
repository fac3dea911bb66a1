# T23: an ioremap goes while a fault insert lives from it
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages    01234567
#  ioremap  WWWWWWWW
#  insert   a
#  insert    b, after the iounmap
drv: p = ioremap_wc fb, 32K
app: v = mmap 32K, card, pfnmap
app: vmf_insert_pfn v, fb
drv: iounmap p  #! memtype-changed-under-mapping
app: vmf_insert_pfn v + 4K, fb + 4K
expect pte v = fb wc
expect pte v + 4K = fb + 4K uc-
expect memtypes fb = none
