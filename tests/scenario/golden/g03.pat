# G3: one free takes one of two duplicates
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages  01234567
#  uc-    uuuuuuuu
#  uc-    uuuuuuuu
#  free   --------
one: memtype_reserve fb, 32K, uc-
two: memtype_reserve fb, 32K, uc-
expect memtypes fb = [0, 32K) uc-, [0, 32K) uc-
one: memtype_free fb, 32K
expect memtypes fb = [0, 32K) uc-
two: memtype_free fb, 32K
expect memtypes fb = none
