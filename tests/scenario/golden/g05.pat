# G5: the head is freed
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages  01234567
#  uc-    uuuuuuuu
#  free   xxxx
one: memtype_reserve fb, 32K, uc-
one: memtype_free fb, 16K  #! memtype-invalid-free
expect dmesg "freeing invalid memtype"
expect memtypes fb = [0, 32K) uc-
