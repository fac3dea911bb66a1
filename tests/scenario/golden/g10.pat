# G10: write-through alone, and over an entry
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages  01234567
#  wt     tttttttt
one: memtype_reserve fb, 32K, wt
expect memtypes fb = [0, 32K) wt
one: memtype_free fb, 32K

#  pages  01234567
#  uc-    uuuuuuuu
#  wt       uuuu
one: memtype_reserve fb, 32K, uc-
two: memtype_reserve fb + 8K, 16K, wt  #! memtype-downgrade
expect memtypes fb = [0, 32K) uc-, [8K, 24K) uc-
two: memtype_free fb + 8K, 16K
one: memtype_free fb, 32K
