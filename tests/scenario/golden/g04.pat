# G4: the tail is freed
bar fb = 0xfd000000 size 64K
driver one
driver two

#  pages  01234567
#  uc-    uuuuuuuu
#  free       ----
one: memtype_reserve fb, 32K, uc-
one: memtype_free fb + 16K, 16K         #! memtype-invalid-free@pfnmap-ctx
expect memtypes fb = [0, 16K) uc-       @!pfnmap-ctx
expect dmesg none                       @!pfnmap-ctx
expect memtypes fb = [0, 32K) uc-       @pfnmap-ctx
expect dmesg "freeing invalid memtype"  @pfnmap-ctx
