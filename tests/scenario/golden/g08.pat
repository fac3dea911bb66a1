# G8: write-back below the ISA hole, where the fixed MTRR says write-back
driver one

#  pages  9e 9f | a0
#  wb     ww ww |
mtrr 0x80000 size 128K write-back
one: memtype_reserve 0x9e000, 8K, wb
expect memtypes = [0x9e000, 0xa0000) wb
one: memtype_free 0x9e000, 8K
