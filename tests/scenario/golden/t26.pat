# T26: RAM remapped as UC-
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

ram buf = 0x1000000 size 64K

#  RAM    01
#  wants  uu
#  gets   ww
app: v = mmap 8K, card
app: remap_pfn_range v, buf, 8K, uc-  #! tracking-ram-mode
expect dmesg "map pfn RAM range"
expect pte v = buf wb
expect memtypes = none
