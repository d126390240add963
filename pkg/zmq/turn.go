package zmq

// What a connection has read into its block is handed on at once, and then it is another's turn. The size of its block
// is thus its part of what is received. All connections that send much have blocks of the same size, because they
// share the memory equally. If the first ones took what they could use, a thousand senders would find room for a
// hundred blocks of maxBlock bytes, and the others would have a thirty-second part of the turn of these.

// resize sets the size of the next block.
func (r *receiver) resize(size int) {
	if r.memory != nil && (size > minBlock) != (r.size > minBlock) {
		if size > minBlock {
			r.memory.Eat(1)
		} else {
			r.memory.Eat(-1)
		}
	}
	r.size, r.small = size, 0
}

// share makes the next block no larger than what each connection that sends much may have.
func (r *receiver) share() {
	if r.memory == nil || r.size <= 2*minBlock {
		return
	}
	size, portion := r.size, r.memory.Portion()
	for size > 2*minBlock && blockCost(size) > portion {
		size /= 2
	}
	if size < r.size {
		r.resize(size)
	}
}
