# G2: a request over two types is refused
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages  01234567
#  uc-    uu
#  wc       WW
#  wc     xxxx
one: memtype_reserve fb, 8K, uc-
one: memtype_reserve fb + 8K, 8K, wc
two: memtype_reserve fb, 16K, wc  #! memtype-conflict
expect ret = -EBUSY
expect dmesg "conflicting memory types"
expect dmesg "memtype_reserve failed"
expect memtypes fb = [0, 8K) uc-, [8K, 16K) wc
one: memtype_free fb, 8K
one: memtype_free fb + 8K, 8K
