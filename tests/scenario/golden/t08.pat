# T8: mremap moves the whole
bar fb = 0xfd000000 size 64K
file card
process app
driver drv

#  pages  01234567
#  v      uuuuuuuu
#  w      uuuuuuuu
app: v = mmap 32K, card
app: remap_pfn_range v, fb, 32K
app: w = mremap v, 32K, 32K
expect memtypes fb = [0, 32K) uc-
expect pte w + 4K = fb + 4K uc-
expect pte v + 4K = none
app: munmap w
expect memtypes fb = none
