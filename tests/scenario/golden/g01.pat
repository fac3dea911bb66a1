# G1: four flavours of ioremap of the same pages
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages          01234567
#  ioremap_wc     aaaaaaaa
#  ioremap        bbbbbbbb
#  ioremap_cache  cccccccc
#  ioremap_uc     dddddddd
one: a = ioremap_wc fb, 32K
one: b = ioremap fb, 32K     #! memtype-downgrade
one: c = ioremap_cache fb, 32K
one: d = ioremap_uc fb, 32K  #! memtype-downgrade
expect memtypes fb = [0, 32K) wc, [0, 32K) wc, [0, 32K) wc, [0, 32K) wc
one: iounmap a
one: iounmap b
one: iounmap c
one: iounmap d
expect memtypes fb = none

#  the other way round: the first is uc-
two: a = ioremap fb, 32K
two: b = ioremap_wc fb, 32K  #! memtype-downgrade
two: c = ioremap_cache fb, 32K
two: d = ioremap_uc fb, 32K  #! memtype-downgrade
expect memtypes fb = [0, 32K) uc-, [0, 32K) uc-, [0, 32K) uc-, [0, 32K) uc-
two: iounmap a
two: iounmap b
two: iounmap c
two: iounmap d
expect memtypes fb = none
