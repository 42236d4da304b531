package host

// Space is what a file system has.
type Space struct {
	Free, Total           uint64 // bytes; free to who is not root
	FreeFiles, TotalFiles uint64 // entries; 0 of 0 where there is no bound
}
