# G7: write-back on a device
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages  01234567
#  asked  wwwwwwww
#  kept   uuuuuuuu
one: memtype_reserve fb, 32K, wb
expect ret = 0
expect memtypes fb = [0, 32K) uc-
one: memtype_free fb, 32K
