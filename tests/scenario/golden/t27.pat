# T27: /dev/mem without O_SYNC over a BAR
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01
#  wants  ww
#  gets   uu
app: v = mmap 8K, card, wb
app: remap_pfn_range v, fb, 8K, wb
expect memtypes fb = [0, 8K) uc-
expect pte v = fb uc-
