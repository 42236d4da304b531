package elastic

// Pretend has an index write into a generation that it did not make.
func Pretend(x *Index, index string) { x.state.Index = index }
