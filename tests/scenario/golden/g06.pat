# G6: tail frees over two entries with one end
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages  01234567
#  one    aaaaaaaa
#  two        bbbb
#  free         --
#  free       --
#  free   --------
one: memtype_reserve fb, 32K, uc-
two: memtype_reserve fb + 16K, 16K, uc-
two: memtype_free fb + 24K, 8K                     #! memtype-invalid-free@pfnmap-ctx
expect memtypes fb = [0, 24K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-, [16K, 32K) uc-  @pfnmap-ctx
expect dmesg "freeing invalid memtype"             @pfnmap-ctx
two: memtype_free fb + 16K, 8K                     #! memtype-invalid-free@pfnmap-ctx
expect memtypes fb = [0, 16K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-, [16K, 32K) uc-  @pfnmap-ctx
expect dmesg "freeing invalid memtype"             @pfnmap-ctx
one: memtype_free fb, 32K                          #! memtype-invalid-free@!pfnmap-ctx
expect dmesg "freeing invalid memtype"             @!pfnmap-ctx
expect memtypes fb = [0, 16K) uc-, [16K, 32K) uc-  @!pfnmap-ctx
expect memtypes fb = [16K, 32K) uc-                @pfnmap-ctx
