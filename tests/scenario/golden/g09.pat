# G9: in the ISA hole nothing is kept
driver one

#  pages  9f | a0 a1 a2
#  any       | ** **
one: memtype_reserve 0xa0000, 8K, wc
expect ret = 0
expect dmesg none
expect memtypes = none
one: memtype_free 0xa0000, 8K
expect dmesg none
expect memtypes = none
