


#   The same in nobody's layout   
	bar  fb=0xfd000000   size 64k#device memory
bar long-name-of-a-second-bar = 0xfd0000000 size 3   pages  ##   and more

process   app



app:v=mmap 16K,card ,shared,offset   4K	# short
app : fault  v{
vmf_insert_pfn v+4K,(fb+2*4K) - 4K	#!remap-in-fault@vm-pat*   memtype-leak
		# before the brace


  }   # after it
expect memtypes fb=[0,16K)wc,[ 16K , 32K ) uc-@vm-pat*#why
   #pat-check:ignore[ a ,b ]   for a reason   
app: munmap v + 1G, ((3 * 4K)), some-word, another-word, and-one-more   # a line too long for the column
app: exit  # pat-check: ignore[c]

expect dmesg "say  \"no\"  twice"   @unmap-region